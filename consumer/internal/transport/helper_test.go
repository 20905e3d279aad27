package transport_test

import (
	"bufio"
	"bytes"
	"crypto/subtle"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gochannels/channels/consumer/internal/transport"
)

func TestMain(m *testing.M) {
	before := runtime.NumGoroutine()
	code := m.Run()
	if flag.Lookup("test.fuzz").Value.String() != "" {
		os.Exit(code) // fuzzing leaves a goroutine of its own
	}
	for deadline := time.Now().Add(10 * time.Second); code == 0 && runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			fmt.Printf("%d goroutines left\n%s\n", runtime.NumGoroutine()-before, buf[:runtime.Stack(buf, true)])
			code = 1
		}
	}
	os.Exit(code)
}

// server accepts every handshake and echoes, or does what serve says.
type server struct {
	*httptest.Server
	settings transport.Settings
	dropped  atomic.Int64
	ends     chan *transport.EndError
	conns    chan *transport.Conn
}

type owner struct{ s *server }

func (o owner) Ended(e *transport.EndError) { o.s.ends <- e }

func start(t *testing.T, change func(*transport.Settings), serve func(*transport.Conn)) *server {
	t.Helper()
	s := &server{ends: make(chan *transport.EndError, 1000), conns: make(chan *transport.Conn, 1000)}
	s.settings = transport.Settings{
		ReadLimit: 64 << 10, QueueBytes: 1 << 20, WriteTimeout: 5 * time.Second, CloseTimeout: 2 * time.Second,
		Flushers: transport.NewFlushers(), Dropped: &s.dropped,
	}
	if change != nil {
		change(&s.settings)
	}
	if serve == nil {
		serve = echo
	}
	running := make(chan struct{}, 1000)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status, text := transport.CheckRequest(w.Header(), r); status != 0 {
			http.Error(w, text, status)
			return
		}
		c, err := transport.Accept(w, r, r.Header.Get("Want-Subprotocol"), &s.settings, owner{s})
		if err != nil {
			t.Errorf("Accept: %v", err)
			return
		}
		s.conns <- c
		running <- struct{}{}
		go func() {
			serve(c)
			<-running
		}()
	}))
	t.Cleanup(func() {
		s.Close()
		for deadline := time.Now().Add(10 * time.Second); len(running) > 0; runtime.Gosched() {
			if time.Now().After(deadline) {
				t.Errorf("%d connections still served", len(running))
				return
			}
		}
	})
	return s
}

func echo(c *transport.Conn) {
	for {
		m, err := c.Read()
		if err != nil {
			return
		}
		c.Send(transport.NewFrame(m.Binary, m.Data), true)
	}
}

// raw is a client that sends and sees bytes.
type raw struct {
	t *testing.T
	net.Conn
	br     *bufio.Reader
	header http.Header // of the handshake's answer
}

func (s *server) dial(t *testing.T, headers, early string) *raw {
	t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return upgrade(t, conn, headers, early)
}

// upgrade makes the handshake.
func upgrade(t *testing.T, conn net.Conn, headers, early string) *raw {
	t.Helper()
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n%s", headers, early)
	c := &raw{t: t, Conn: conn, br: bufio.NewReader(conn)}
	resp, err := http.ReadResponse(c.br, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 101 || resp.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Fatalf("handshake: %v %v", resp.Status, resp.Header)
	}
	c.header = resp.Header
	return c
}

// frame is a masked frame.
func frame(first byte, payload string) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n <= 125:
		b = append(b, 0x80|byte(n))
	case n <= 0xFFFF:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	key := [4]byte{0x12, 0x34, 0x56, 0x78}
	b = append(append(b, key[:]...), payload...)
	masked := b[len(b)-len(payload):]
	subtle.XORBytes(masked, masked, bytes.Repeat(key[:], len(payload)/4+1))
	return b
}

func (c *raw) send(frames ...[]byte) {
	c.t.Helper()
	for _, f := range frames {
		if _, err := c.Write(f); err != nil {
			c.t.Fatalf("write: %v", err)
		}
	}
}

// next returns the server's next frame.
func (c *raw) next() (first byte, payload string) {
	c.t.Helper()
	first, payload, err := c.read()
	if err != nil {
		c.t.Fatalf("read: %v", err)
	}
	return first, payload
}

func (c *raw) read() (first byte, payload string, err error) {
	var h [2]byte
	if _, err := io.ReadFull(c.br, h[:]); err != nil {
		return 0, "", err
	}
	n := int(h[1])
	switch h[1] {
	case 126:
		var b [2]byte
		io.ReadFull(c.br, b[:])
		n = int(binary.BigEndian.Uint16(b[:]))
	case 127:
		var b [8]byte
		io.ReadFull(c.br, b[:])
		n = int(binary.BigEndian.Uint64(b[:]))
	}
	p := make([]byte, n)
	_, err = io.ReadFull(c.br, p)
	return h[0], string(p), err
}

func (c *raw) expect(first byte, payload string) {
	c.t.Helper()
	f, p := c.next()
	if f != first || p != payload {
		c.t.Fatalf("got frame %#x %.60q (%d bytes), want %#x %.60q (%d bytes)", f, p, len(p), first, payload, len(payload))
	}
}

// expectClose wants one close frame, and then the end of the stream.
func (c *raw) expectClose(code int) {
	c.t.Helper()
	want := ""
	if code != transport.CodeNoStatus {
		want = string(binary.BigEndian.AppendUint16(nil, uint16(code)))
	}
	f, p := c.next()
	if f != 0x88 || !strings.HasPrefix(p, want) || (want == "") != (p == "") {
		c.t.Fatalf("got frame %#x %x, want a close frame with %d", f, p, code)
	}
	if f, p, err := c.read(); err != io.EOF {
		c.t.Fatalf("after the close frame: frame %#x %.60q, %v; want the end", f, p, err)
	}
}

func (s *server) expectEnd(t *testing.T, code int, cause transport.Cause) *transport.EndError {
	t.Helper()
	select {
	case e := <-s.ends:
		if e.Code != code || e.Cause != cause {
			t.Fatalf("ended with %d, cause %d (%v); want %d, cause %d", e.Code, e.Cause, e, code, cause)
		}
		return e
	case <-time.After(15 * time.Second):
		t.Fatal("the connection did not end")
		return nil
	}
}

func closePayload(code int, reason string) string {
	return string(binary.BigEndian.AppendUint16(nil, uint16(code))) + reason
}
