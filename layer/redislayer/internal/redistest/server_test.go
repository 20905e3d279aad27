package redistest_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

func TestServerIsKilledRestartedAndPaused(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	if got := s.CLI("SET", "a", "1"); got != "OK" {
		t.Errorf("SET: %q", got)
	}
	s.Kill()
	if c, err := net.Dial("tcp", s.Addr()); err == nil {
		_ = c.Close()
		t.Error("a killed server accepts")
	}
	s.Restart()
	if got := s.CLI("GET", "a"); got != "" {
		t.Errorf("after the restart: %q", got)
	}
	s.Pause()
	if answer := ask(t, s.Addr(), 50*time.Millisecond); answer != "" {
		t.Errorf("a paused server answers %q", answer)
	}
	s.Resume()
	if answer := ask(t, s.Addr(), 5*time.Second); !strings.HasPrefix(answer, "+PONG") {
		t.Errorf("a resumed server answers %q", answer)
	}
}

func TestProxyHoldsBackCutsAndRefuses(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	p := redistest.NewProxy(t, s.Addr())
	if answer := ask(t, p.Addr(), 5*time.Second); !strings.HasPrefix(answer, "+PONG") {
		t.Fatalf("through the proxy: %q", answer)
	}
	p.Blackhole(true)
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if answer := exchange(t, c, 50*time.Millisecond); answer != "" {
		t.Errorf("through a black hole: %q", answer)
	}
	p.Blackhole(false)
	if answer := exchange(t, c, 5*time.Second); !strings.HasPrefix(answer, "+PONG") {
		t.Errorf("what was held back did not come: %q", answer)
	}
	p.Cut()
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	for b := make([]byte, 64); ; {
		if _, err := c.Read(b); err != nil {
			if e, ok := err.(net.Error); ok && e.Timeout() {
				t.Error("a cut connection lives")
			}
			break
		}
	}
	p.Refuse(true)
	if answer := ask(t, p.Addr(), 5*time.Second); answer != "" {
		t.Errorf("a proxy that refuses: %q", answer)
	}
	if n := p.Accepted(); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
}

func ask(t *testing.T, addr string, patience time.Duration) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return exchange(t, c, patience)
}

func exchange(t *testing.T, c net.Conn, patience time.Duration) string {
	t.Helper()
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = c.Write([]byte("PING\r\n"))
	b := make([]byte, 64)
	n, _ := c.Read(b)
	return string(b[:n])
}
