package browsertest

import (
	"bufio"
	"os/exec"
	"regexp"
	"syscall"
	"testing"
	"time"
)

// server is a program in a process of its own.
type server struct {
	t       *testing.T
	name    string
	address string
	cmd     *exec.Cmd
	ended   chan error
}

var printedAddress = regexp.MustCompile(`http://([^/]+)/`)

// startServer starts a program of binaries with further flags; port 0 takes a free one.
func startServer(t *testing.T, name, address string, flags ...string) *server {
	t.Helper()
	s := &server{t: t, name: name, cmd: exec.Command(binaries[name], append(flags, "-addr", address)...), ended: make(chan error, 1)}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.Stderr = t.Output()
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	addresses := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			t.Log(lines.Text())
			if found := printedAddress.FindStringSubmatch(lines.Text()); found != nil {
				addresses <- found[1]
			}
		}
		s.ended <- s.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill() // an error: it has ended already
		if s.ended != nil {
			<-s.ended
		}
	})
	select {
	case s.address = <-addresses:
	case <-time.After(patience):
		t.Fatalf("the %s did not print its address", name)
	}
	return s
}

// drain ends the server as a deployment would, and waits.
func (s *server) drain() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	select {
	case err := <-s.ended:
		s.ended = nil
		if err != nil {
			s.t.Errorf("the %s ended with %v", s.name, err)
		}
	case <-time.After(patience):
		s.t.Fatalf("the %s did not end", s.name)
	}
}
