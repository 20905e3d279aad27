package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// errMissing says that the machine lacks what a server needs.
var errMissing = errors.New("not on this machine")

// channelsRedis is the version whose environment runs Django.
const channelsRedis = "4.3.0"

// command returns how a server is started, and which protocol it speaks. redis is
// the address for a scenario that has one.
func (r *runner) command(s scenario, name, redis string) (command []string, proto string, err error) {
	switch name {
	case "uvicorn":
		command = flags("-m uvicorn --host 127.0.0.1 --port {port} --log-level warning project:application")
		return r.django(s, redis, command)
	case "daphne":
		return r.django(s, redis, flags("-m daphne -b 127.0.0.1 -p {port} -v 0 project:application"))
	}
	program, variant, _ := strings.Cut(name, "-")
	command = append([]string{filepath.Join(r.bin, program), "-addr", "{addr}"}, s.program...)
	switch program {
	case "floor":
		if variant != "" {
			command = append(command, "-"+variant)
		}
	case "centrifuge":
		return command, "centrifuge", nil
	case "channels":
		if variant != "" {
			command = append(command, "-handler", variant)
		}
		if s.layer != "" {
			command = append(command, "-layer", s.layer, "-redis", redis)
		}
	}
	return command, "ws", nil
}

func (r *runner) django(s scenario, redis string, args []string) (command []string, proto string, err error) {
	if r.python == "" {
		return nil, "", errMissing
	}
	command = []string{"env", "PYTHONPATH=" + filepath.Join(r.dir, "servers", "django"), "PYTHONDONTWRITEBYTECODE=1"}
	if s.layer != "" {
		command = append(command, "CHANNELS_LAYER="+s.layer, "CHANNELS_REDIS="+redis)
	}
	return append(append(command, r.python), args...), "ws", nil
}

// findDjango finds the Python of Django's environment, or makes it.
func (r *runner) findDjango(ctx context.Context) (err error) {
	script := filepath.Join(r.dir, "..", "layer", "redislayer", "interop", "venv.sh")
	r.python, err = output(exec.CommandContext(ctx, script, channelsRedis))
	return err
}

// redis is a server that keeps nothing. Each run has one of its own: in groups of
// the last one's there would be members that have been killed.
type redis struct {
	cmd *exec.Cmd
	url string
}

func startRedis(ctx context.Context) (*redis, error) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		return nil, errMissing
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := l.Addr().(*net.TCPAddr)
	l.Close()
	cmd := exec.Command("redis-server", "--bind", "127.0.0.1", "--port", fmt.Sprint(addr.Port), "--save", "", "--appendonly", "no")
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &redis{cmd: cmd, url: "redis://" + addr.String()}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		select {
		case <-ctx.Done():
			s.stop()
			return nil, errors.New("redis-server does not listen")
		case <-tick.C:
		}
		if c, err := net.Dial("tcp4", addr.String()); err == nil {
			c.Close()
			return s, nil
		}
	}
}

func (s *redis) stop() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}
