package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// target is the server that is measured.
type target struct {
	base   string // of its URLs
	pid    int
	size   int
	http   http.Client
	cmd    *exec.Cmd // nil if it ran before
	exited chan struct{}
}

// newTarget starts the command and waits until it listens. It sets o.addr if it
// is empty.
func newTarget(ctx context.Context, o *options, command []string) (*target, error) {
	if o.addr == "" {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		o.addr = l.Addr().String()
		l.Close()
	}
	s := &target{base: "http://" + o.addr, pid: o.pid, size: o.size}
	if o.tls {
		s.base = "https://" + o.addr
		s.http.Transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // its certificate is made at its start
	}
	if len(command) == 0 {
		return s, nil
	}
	if err := s.start(o.addr, command); err != nil {
		return nil, err
	}
	if err := s.listening(ctx, o.addr); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func (s *target) start(addr string, command []string) error {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	args := make([]string, len(command))
	for i, arg := range command {
		args[i] = strings.NewReplacer("{addr}", addr, "{port}", port).Replace(arg)
	}
	s.cmd = exec.Command(args[0], args[1:]...)
	s.cmd.Stderr = os.Stderr
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread() // Pdeathsig is bound to the thread
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.pid, s.exited = s.cmd.Process.Pid, make(chan struct{})
	go func() {
		_ = s.cmd.Wait()
		close(s.exited)
	}()
	return nil
}

// listening waits until the server takes connections; another one at the same
// address does not count, as then the command ends.
func (s *target) listening(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-s.exited:
			return errors.New("the server has ended: " + s.cmd.ProcessState.String())
		case <-ctx.Done():
			return errors.New("the server does not listen")
		case <-tick.C:
		}
		if t, err := net.Dial("tcp4", addr); err == nil {
			t.Close()
			return nil
		}
	}
}

func (s *target) stop() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		<-s.exited
	}
}

// post broadcasts n messages. With groups, the first goes to the group first.
func (s *target) post(n, groups, first int) error {
	url := fmt.Sprintf("%s/broadcast?n=%d&size=%d", s.base, n, s.size)
	if groups > 0 {
		url += fmt.Sprintf("&groups=%d&first=%d", groups, first)
	}
	resp, err := s.http.Post(url, "", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New("broadcast: " + resp.Status)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// stats returns what the server's runtime counts; what it does not tell is 0.
func (s *target) stats(query string) map[string]float64 {
	m := map[string]float64{}
	resp, err := s.http.Get(s.base + "/stats" + query)
	if err != nil {
		return m
	}
	defer resp.Body.Close()
	if json.NewDecoder(resp.Body).Decode(&m) != nil {
		return map[string]float64{}
	}
	return m
}

// cpu returns the seconds of CPU a process has used, all its threads together.
func cpu(pid int) float64 {
	const sched = 2 // CPUCLOCK_SCHED: to the nanosecond
	var t unix.Timespec
	if unix.ClockGettime(int32(^pid<<3|sched), &t) != nil {
		return 0
	}
	return float64(t.Nano()) / 1e9
}

// rss returns the resident memory of a process in KiB.
func rss(pid int) int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, line, _ := bytes.Cut(b, []byte("VmRSS:"))
	line, _, _ = bytes.Cut(line, []byte("kB"))
	n, _ := strconv.Atoi(string(bytes.TrimSpace(line)))
	return n
}

func round(f float64) float64 {
	r, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'g', 4, 64), 64)
	return r
}
