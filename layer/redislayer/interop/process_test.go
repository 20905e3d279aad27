package interop_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The versions of channels_redis that people run: the last on aioredis, the first on redis-py, the last whose pub/sub
// layer ignores its encryption keys, and today's.
const (
	oldest    = "3.4.1"
	first4    = "4.0.0"
	plain     = "4.2.0"
	latest    = "4.3.0"
	pythonDir = "python"
)

var versions = []string{oldest, first4, plain, latest}

var environments sync.Map // version to func() (string, error)

// python returns the interpreter that has that version of channels_redis. What is missing is installed from PyPI.
func python(t testing.TB, version string) string {
	t.Helper()
	ask, _ := environments.LoadOrStore(version, sync.OnceValues(func() (string, error) {
		var faults bytes.Buffer
		cmd := exec.Command("./venv.sh", version)
		cmd.Stderr = &faults
		out, err := cmd.Output()
		if err != nil {
			return "", fmt.Errorf("./venv.sh %s: %w\n%s", version, err, faults.String())
		}
		return strings.TrimSpace(string(out)), nil
	}))
	path, err := ask.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// command prepares a process that runs in the folder of the Python files and ends with this one.
func command(env []string, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = pythonDir
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1", "PYTHONPATH=.")
	cmd.Env = append(cmd.Env, env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// kill ends a process and what it has forked.
func kill(cmd *exec.Cmd) {
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	_ = cmd.Wait()
}

// run runs a Python script to its end and returns what it printed.
func run(t testing.TB, version string, args ...string) []byte {
	t.Helper()
	cmd := command(nil, python(t, version), args...)
	var faults bytes.Buffer
	cmd.Stderr = &faults
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, faults.String())
	}
	return out
}

// serve starts a program of the environment that serves the Django project, and returns its address. It is given its
// listening socket as file 3, so that nobody has to wait until it listens. Its log is shown if the test fails.
func serve(t testing.TB, version string, django []string, program string, args ...string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	cmd := command(django, filepath.Join(filepath.Dir(python(t, version)), program), args...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.ExtraFiles = []*os.File{file}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
	_ = listener.Close()
	t.Cleanup(func() {
		kill(cmd)
		if t.Failed() {
			t.Logf("%s said:\n%s", program, lastLines(log.String(), 60))
		}
	})
	return address
}

func lastLines(s string, n int) string {
	lines := strings.Split(s, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func daphne(t testing.TB, version string, django []string) string {
	t.Helper()
	return serve(t, version, django, "daphne", "--fd", "3", "project.asgi:application")
}

func uvicorn(t testing.TB, version string, django []string) string {
	t.Helper()
	return serve(t, version, django, "uvicorn", "--fd", "3", "--lifespan", "off", "project.asgi:application")
}

func gunicorn(t testing.TB, version string, django []string) string {
	t.Helper()
	return serve(t, version, django, "gunicorn", "--bind", "fd://3", "--workers", "2", "--worker-class", "sync", "project.wsgi")
}
