package main

import (
	"bufio"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

//go:embed sender.py tier.py
var scripts embed.FS

// process is one that the scale starts. It ends with the scale.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func start(ctx context.Context, env []string, program string, args ...string) (*process, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = apart()
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &process{cmd, in, bufio.NewScanner(out)}, nil
}

// itself starts this program as a part of the scale.
func itself(ctx context.Context, args ...string) (*process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start(ctx, nil, program, args...)
}

// line returns the next line that the process prints.
func (p *process) line() (string, error) {
	if p.out.Scan() {
		return p.out.Text(), nil
	}
	return "", errors.Join(p.out.Err(), fmt.Errorf("%s has ended", filepath.Base(p.cmd.Path)))
}

// stop ends the process, if there is one that has not been ended.
func (p *process) stop() {
	if p == nil || p.cmd.ProcessState != nil {
		return
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	_ = p.cmd.Wait()
}

// cpu returns the time that the process has computed.
func (p *process) cpu() time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// redis is a server of the scale's own.
type redis struct {
	*process
	port string
}

func startRedis(ctx context.Context) (*redis, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	_ = ln.Close()
	r := &redis{port: port}
	return r, r.run(ctx)
}

func (r *redis) run(ctx context.Context) (err error) {
	r.process, err = start(ctx, nil, "redis-server", "--port", r.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
		"--maxclients", "4000", "--tcp-backlog", "4096", "--loglevel", "warning", "--logfile", os.DevNull)
	if err != nil {
		return err
	}
	for range 200 {
		if out, err := r.cli("PING"); err == nil && out == "PONG" {
			return nil
		}
		<-time.After(20 * time.Millisecond)
	}
	return errors.New("redis-server does not answer")
}

func (r *redis) signal(s syscall.Signal) { _ = r.cmd.Process.Signal(s) }

func (r *redis) url() string { return "redis://127.0.0.1:" + r.port }

func (r *redis) cli(args ...string) (string, error) {
	out, err := exec.Command("redis-cli", append([]string{"-p", r.port}, args...)...).Output()
	return strings.TrimSpace(string(out)), err
}

// python returns the interpreter with channels_redis, and a folder with the scripts.
func python() (interpreter, folder string, err error) {
	_, here, _, _ := runtime.Caller(0)
	cmd := exec.Command(filepath.Join(filepath.Dir(here), "../interop/venv.sh"), "4.3.0")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", "", fmt.Errorf("interop/venv.sh: %w", err)
	}
	if folder, err = os.MkdirTemp("", "scale"); err != nil {
		return "", "", err
	}
	return strings.TrimSpace(string(out)), folder, os.CopyFS(folder, scripts)
}
