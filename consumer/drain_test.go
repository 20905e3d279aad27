//go:build !race

package consumer_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
)

// drainEnv makes the test binary an instance of a service.
const drainEnv = "CONSUMER_TEST_INSTANCE"

const (
	drained     = 10_000
	drainSilent = 50 // every so many clients does not answer the close frame
	drainDelay  = time.Second
	drainWindow = 4 * time.Second
	// drainWithin is the delay, the window, and what a silent client may take.
	drainWithin = drainDelay + drainWindow + 5*time.Second + 4*time.Second
)

func init() {
	if os.Getenv(drainEnv) != "" {
		if err := instance(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

// instance serves until its input ends, drains, and says how that went.
func instance() error {
	l := new(layer.Memory)
	h := consumer.MustHandler(func() *hooks { return new(hooks) }, &consumer.Options{
		Layer: l, Groups: []string{"all"}, DrainDelay: drainDelay, DrainWindow: drainWindow,
	})
	mux := http.NewServeMux()
	mux.Handle("/ws", h)
	mux.Handle("/ready", consumer.ReadyHandler(h))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go srv.Serve(ln)
	fmt.Println(ln.Addr())
	io.Copy(io.Discard, os.Stdin)
	ctx, cancel := context.WithTimeout(context.Background(), drainWithin)
	defer cancel()
	begun := time.Now()
	err = errors.Join(consumer.Shutdown(ctx, h), srv.Shutdown(ctx), l.Close())
	s := h.Stats()
	fmt.Printf("%d accepted, %d disconnected, %d open, %d refused, in %v: %v\n",
		s.Accepted, s.Disconnected, s.Open, total(s.Refused), time.Since(begun).Round(time.Millisecond), err)
	return err
}

func total(m map[string]int64) (n int64) {
	for _, v := range m {
		n += v
	}
	return n
}

// process is an instance in a process of its own.
type process struct {
	addr string
	stop io.Closer
	out  *bufio.Reader
	cmd  *exec.Cmd
}

func startInstance(t *testing.T) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), drainEnv+"=1")
	cmd.Stderr = t.Output()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // an error: it has ended
	p := &process{stop: in, out: bufio.NewReader(out), cmd: cmd}
	p.addr = p.line(t)
	return p
}

func (p *process) line(t *testing.T) string {
	t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

func (p *process) ready() bool {
	resp, err := http.Get("http://" + p.addr + "/ready")
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// shake makes a handshake.
func shake(addr string) (net.Conn, error) {
	conn, err := net.DialTimeout("tcp", addr, time.Minute)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(2 * time.Minute))
	fmt.Fprintf(conn, "GET /ws HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", addr)
	// Nothing follows the answer but a close frame much later.
	resp, err := http.ReadResponse(bufio.NewReaderSize(conn, 512), nil)
	if err == nil && resp.StatusCode != http.StatusSwitchingProtocols {
		err = fmt.Errorf("the handshake is answered %s", resp.Status)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// Ten thousand clients of an instance that shuts down are closed within its
// deadline, though some are silent, and spread over the window. A second instance
// takes them over, and those who come new meanwhile, without one refused handshake.
// No t.Parallel: it needs the machine and nearly all descriptors.
func TestDrainOfTenThousand(t *testing.T) {
	old, next := startInstance(t), startInstance(t)
	conns := make([]net.Conn, drained)
	defer func() {
		for _, c := range conns {
			if c != nil {
				c.Close()
			}
		}
	}()
	each(t, drained, func(i int) (err error) {
		conns[i], err = shake(old.addr)
		return err
	})

	begun := time.Now()
	old.stop.Close()
	times := make([]time.Duration, drained)
	var refused atomic.Int64
	var all sync.WaitGroup
	for i, conn := range conns {
		all.Go(func() {
			if err := closedWith(conn, 1012, i%drainSilent == 0); err != nil {
				t.Errorf("client %d: %v", i, err)
				return
			}
			times[i] = time.Since(begun)
			if i%drainSilent == 0 {
				return // it keeps its socket, and says nothing
			}
			conn.Close()
			var err error
			if conns[i], err = shake(next.addr); err != nil {
				refused.Add(1)
				t.Logf("client %d, again: %v", i, err)
			}
		})
	}
	// Who comes new goes where the balancer's last check says.
	all.Go(func() {
		var target atomic.Pointer[process]
		target.Store(old)
		for time.Since(begun) < drainDelay+drainWindow {
			if !old.ready() {
				target.Store(next)
			}
			conn, err := shake(target.Load().addr)
			if err != nil {
				refused.Add(1)
				t.Logf("somebody new: %v", err)
				return
			}
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	all.Wait()
	said := old.line(t)
	t.Log(said)
	if err := old.cmd.Wait(); err != nil {
		t.Errorf("the drained instance ended with %v", err)
	}
	if n := refused.Load(); n > 0 {
		t.Errorf("%d handshakes were refused", n)
	}
	var tenths [10]int
	var last time.Duration
	for _, d := range times {
		last = max(last, d)
		tenths[min(9, max(0, int((d-drainDelay)*10/drainWindow)))]++
	}
	t.Logf("closed within %v; by tenths of the window: %v", last.Round(time.Millisecond), tenths)
	if last > drainDelay+drainWindow+2*time.Second {
		t.Errorf("the last close frame came after %v", last)
	}
	for i, n := range tenths[:9] {
		if n > drained/3 {
			t.Errorf("%d of %d were closed in tenth %d of the window", n, drained, i)
		}
	}
}

// each calls f for 0 to n-1, some at a time.
func each(t *testing.T, n int, f func(int) error) {
	t.Helper()
	const workers = 64
	var work sync.WaitGroup
	var faults atomic.Int64
	for w := range workers {
		work.Go(func() {
			for i := w; i < n; i += workers {
				if err := f(i); err != nil {
					if faults.Add(1) == 1 {
						t.Error(err)
					}
				}
			}
		})
	}
	work.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// closedWith waits for a close frame with that code, and answers it unless the
// client is silent.
func closedWith(conn net.Conn, code uint16, silent bool) error {
	var b [4]byte
	for {
		if _, err := io.ReadFull(conn, b[:2]); err != nil {
			return fmt.Errorf("before a close frame: %w", err)
		}
		if b[0] != 0x89 || b[1] != 0 {
			break
		}
		// a ping of keep-alive
		if _, err := conn.Write([]byte{0x8a, 0x80, 0, 0, 0, 0}); err != nil {
			return err
		}
	}
	if _, err := io.ReadFull(conn, b[2:]); err != nil {
		return err
	}
	if b[0] != 0x88 || b[1] != 2 || binary.BigEndian.Uint16(b[2:]) != code {
		return fmt.Errorf("the frame is %x, want a close frame of code %d", b, code)
	}
	if silent {
		return nil
	}
	_, err := conn.Write([]byte{0x88, 0x82, 0, 0, 0, 0, b[2], b[3]})
	return err
}
