// Package redistest runs real redis-servers for tests, and a TCP proxy that breaks connections to them.
package redistest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a server may take to answer for the first time.
const patience = 10 * time.Second

// Server is a redis-server of the test's own, on a free port of the loopback, that keeps nothing on disk. Its methods fail
// the test; they must be called from the goroutine that runs it.
type Server struct {
	t       testing.TB
	port    string
	tls     string // another port
	program string
	args    []string

	mu  sync.Mutex
	cmd *exec.Cmd // nil while it is killed
}

// Start starts a server with those arguments, "--maxmemory", "2mb" say, and waits until it answers. It is stopped when the
// test ends. A machine without redis-server fails the test.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	return start(t, "redis-server", quiet(t, args))
}

func start(t testing.TB, program string, args []string) *Server {
	t.Helper()
	s := &Server{t: t, program: program, args: args}
	for attempt := range 5 { // another process may take the port between our choice and its use
		s.port, s.tls = freePort(t), freePort(t)
		err := s.run()
		if err == nil {
			break
		}
		if attempt == 4 {
			t.Fatal(err)
		}
	}
	t.Cleanup(s.stop)
	return s
}

// Addr returns the server's host and port.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", s.port) }

// Port returns the server's port.
func (s *Server) Port() string { return s.port }

// URL returns the server's address as Channels takes it.
func (s *Server) URL() string { return "redis://" + s.Addr() }

// Kill ends the server as kill -9 does, and returns when it is gone.
func (s *Server) Kill() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

// Restart starts the server again, empty, at the same address, and returns when it answers. A server that runs is killed first.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	if err := s.run(); err != nil {
		s.t.Fatal(err)
	}
}

// Pause stops the server without closing anything: it accepts connections, which the kernel does, and says nothing.
func (s *Server) Pause() { s.t.Helper(); s.signal(syscall.SIGSTOP) }

// Resume lets a paused server go on.
func (s *Server) Resume() { s.t.Helper(); s.signal(syscall.SIGCONT) }

// CLI sends one command by redis-cli and returns what it prints, without the last newline.
func (s *Server) CLI(args ...string) string {
	s.t.Helper()
	out, err := s.cli(args...)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

func (s *Server) cli(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "redis-cli", append([]string{"-h", "127.0.0.1", "-p", s.port}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("redistest: redis-cli %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		s.t.Fatal("redistest: the server does not run")
	}
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// run starts the process and waits for its first answer.
func (s *Server) run() error {
	args := append(slices.Clone(s.args), "--port", s.port)
	for i, a := range args {
		if a == tlsPort {
			args[i] = s.tls
		}
	}
	cmd := exec.Command(s.program, args...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("redistest: these tests need redis-server: %w", err)
	}
	if err := s.answer(cmd.Process.Pid); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return fmt.Errorf("%w\n%s", err, log.String())
	}
	s.mu.Lock()
	s.cmd = cmd
	s.mu.Unlock()
	return nil
}

var errAnother = errors.New("redistest: another server has the port")

// answer waits until the server answers, in whatever way: it may ask for a password.
func (s *Server) answer(pid int) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(patience)
	for {
		err := ping(s.Addr(), pid)
		if err == nil || errors.Is(err, errAnother) {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("redistest: no answer: %w", err)
		}
		<-tick.C
	}
}

// ping asks for the id of the process, which a server may keep to itself.
func ping(addr string, pid int) error {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	if _, err := c.Write([]byte("*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n*1\r\n$4\r\nPING\r\n")); err != nil {
		return err
	}
	var all []byte
	// Two answers: what it says of itself, or an error, and then the PONG, or an error.
	for b := make([]byte, 4096); !bytes.HasSuffix(all, []byte("PONG\r\n")) && !bytes.Contains(all, []byte("\r\n-")); {
		n, err := c.Read(b)
		if err != nil {
			return err
		}
		all = append(all, b[:n]...)
	}
	answer := string(all)
	if i := strings.Index(answer, "-LOADING"); i >= 0 {
		return errors.New(answer[i:])
	}
	if strings.Contains(answer, "process_id:") && !strings.Contains(answer, fmt.Sprintf("process_id:%d\r\n", pid)) {
		return errAnother
	}
	return nil
}

func (s *Server) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

var given sync.Map // the ports that servers of this process have or had

func freePort(t testing.TB) string {
	t.Helper()
	for {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		_ = l.Close()
		if _, taken := given.LoadOrStore(port, true); !taken && port < 1<<16-10_000 { // a cluster node takes the port 10,000 above as well
			return strconv.Itoa(port)
		}
	}
}

// CPU returns the processor time the server has used so far, user and system.
func (s *Server) CPU() time.Duration {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(b), ") ")
	fields := strings.Fields(after)
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			s.t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100
}
