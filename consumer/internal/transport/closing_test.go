package transport_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gochannels/channels/consumer/internal/transport"
)

// tape is a client in memory: it has said all it ever will, and leaves when it
// is told of the end.
type tape struct {
	net.Conn
	in  *bytes.Reader
	mu  sync.Mutex
	out bytes.Buffer
	at  int // where the frame begins that is not whole yet
	end chan struct{}
}

func newTape(frames ...[]byte) *tape {
	return &tape{in: bytes.NewReader(bytes.Join(frames, nil)), end: make(chan struct{})}
}

func (c *tape) Read(p []byte) (int, error) {
	if c.in.Len() == 0 {
		<-c.end
	}
	return c.in.Read(p)
}

func (c *tape) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out.Write(p)
	for b := c.out.Bytes()[c.at:]; len(b) > 1; b = c.out.Bytes()[c.at:] {
		n := 2 + int(b[1])
		switch {
		case b[1] == 126 && len(b) >= 4:
			n = 4 + int(binary.BigEndian.Uint16(b[2:]))
		case b[1] == 127 && len(b) >= 10:
			n = 10 + int(binary.BigEndian.Uint64(b[2:]))
		}
		if len(b) < n {
			break
		}
		if b[0] == 0x88 {
			close(c.end) // which panics after a second one
		}
		c.at += n
	}
	return len(p), nil
}

func (c *tape) written() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.String()
}

func (c *tape) Close() error                     { return nil }
func (c *tape) SetReadDeadline(time.Time) error  { return nil }
func (c *tape) SetWriteDeadline(time.Time) error { return nil }

// RFC 6455 sections 5.5.1 and 7.4: every code a client may send comes back, with
// nothing else, and every other one is answered with 1002.
func TestEveryCloseCode(t *testing.T) {
	t.Parallel()
	may := func(code int) bool { // 7.4.1 and 7.4.2, and the registry
		switch {
		case code < 1000, code == 1004, code == 1005, code == 1006, code >= 1015 && code < 3000, code >= 5000:
			return false
		}
		return true
	}
	settings := &transport.Settings{
		ReadLimit: 1 << 10, QueueBytes: 1 << 20, WriteTimeout: time.Minute, CloseTimeout: time.Minute,
		Flushers: transport.NewFlushers(), Dropped: new(atomic.Int64),
	}
	for code := 0; code <= 65535; code++ {
		if code > 5100 && code < 65500 {
			code += rand.IntN(500)
		}
		client, ended := newTape(frame(0x88, closePayload(code, "tschüß"[:code%2*6]))), make(ends, 10)
		_, err := transport.NewConn(client, nil, false, settings, ended).Read()
		<-client.end
		want, told := closePayload(1002, ""), 1002
		if may(code) {
			want, told = closePayload(code, ""), code
		}
		if got := client.written(); got != "\x88\x02"+want {
			t.Errorf("%d is answered with %x, want %x", code, got, want)
		}
		var end *transport.EndError
		if e := <-ended; !errors.As(err, &end) || end != e || e.Code != told || len(ended) > 0 {
			t.Errorf("%d ended with %v, and Read failed with %v; want %d", code, e, err, told)
		}
	}
}

// RFC 6455 section 5.5.1: the payload of a close frame is nothing, or a code and
// a reason of UTF-8 within 125 bytes.
func TestClosePayloads(t *testing.T) {
	t.Parallel()
	s := start(t, nil, nil)
	tests := []struct {
		name, payload string
		code          int
	}{
		{"none", "", 1005},
		{"half a code", "\x03", 1002},
		{"another half", "\x00", 1002},
		{"a code", closePayload(1000, ""), 1000},
		{"a reason", closePayload(1000, "Hello World!"), 1000},
		{"a reason of 123 bytes", closePayload(1000, strings.Repeat("*", 123)), 1000},
		{"a reason of 124 bytes", closePayload(1000, strings.Repeat("*", 124)), 1002},
		{"a reason with a zero", closePayload(3000, "\x00"), 3000},
	}
	for _, text := range texts {
		code := 1007
		if text.bad < 0 {
			code = 1000
		}
		tests = append(tests, struct {
			name, payload string
			code          int
		}{"the reason: " + text.name, closePayload(1000, text.text), code})
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := s.dial(t, "", "")
			c.send(frame(0x88, test.payload))
			c.expectClose(test.code)
		})
	}
}

// RFC 6455 section 5.5.1: what comes after a close frame, even within a message
// that had begun, is of no interest.
func TestAfterTheClientsClose(t *testing.T) {
	t.Parallel()
	s := start(t, nil, nil)
	closing := frame(0x88, closePayload(1000, ""))
	for name, sent := range map[string][][]byte{
		"a second close frame":   {closing, frame(0x88, closePayload(4000, "again"))},
		"a ping":                 {closing, frame(0x89, "x")},
		"a text":                 {closing, frame(0x81, "x")},
		"a fault":                {closing, {0xFF, 0xFF, 0xFF}},
		"the rest of a message":  {frame(0x01, "a"), closing, frame(0x80, "b")},
		"a message and a ping":   {frame(0x01, "a"), closing, frame(0x80, "b"), frame(0x89, "")},
		"a fragment, never ends": {frame(0x01, "a"), closing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := s.dial(t, "", "")
			c.send(bytes.Join(sent, nil))
			c.expect(0x88, closePayload(1000, ""))
			if _, _, err := c.read(); err != io.EOF {
				t.Errorf("after the close frame: %v", err)
			}
		})
	}
	// What was answered before goes out before.
	t.Run("an echo before", func(t *testing.T) {
		t.Parallel()
		big := strings.Repeat("x", 60000)
		c := s.dial(t, "", "")
		c.send(append(frame(0x81, big), closing...))
		c.expect(0x81, big)
		c.expectClose(1000)
	})
}

// RFC 6455 section 5.5.1: whoever ends a connection, and whatever is sent in the
// same moment, each side sends one close frame, and it is the last of all.
func TestOneCloseFrame(t *testing.T) {
	t.Parallel()
	ways := map[string]struct{ server, client []byte }{
		"the server":       {server: []byte{1}},
		"the client":       {client: frame(0x88, closePayload(4100, ""))},
		"both":             {server: []byte{1}, client: frame(0x88, closePayload(4100, ""))},
		"a fault":          {client: frame(0x83, "")},
		"both, by a fault": {server: []byte{1}, client: frame(0x83, "")},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, func(s *transport.Settings) { s.QueueBytes = 64 << 20 }, nil)
			for range 8 {
				c := s.dial(t, "", "")
				conn := <-s.conns
				var sending sync.WaitGroup
				for g := range 4 {
					sending.Go(func() {
						for i := 0; ; i++ {
							f := transport.NewFrame(false, fmt.Append(nil, strings.Repeat("storm ", i%100)))
							if errors.Is(conn.Send(f, g%2 == 0), transport.ErrClosed) {
								return
							}
							conn.Ping()
						}
					})
				}
				for range rand.IntN(50) {
					c.next()
				}
				if way.server != nil {
					for i := range 3 {
						sending.Go(func() { conn.Close(4000+i, "storm") })
					}
				}
				if way.client != nil {
					sending.Go(func() { c.Write(way.client) })
				}
				closings := 0
				for {
					first, _, err := c.read()
					if err != nil {
						break
					}
					if closings > 0 {
						t.Errorf("frame %#x after the close frame", first)
					}
					if first == 0x88 {
						closings++
						if way.client == nil {
							c.Write(frame(0x88, closePayload(4000, "")))
						} else if way.client[0] == 0x83 {
							c.Conn.(*net.TCPConn).CloseWrite()
						}
					}
				}
				if closings != 1 {
					t.Errorf("%d close frames", closings)
				}
				sending.Wait()
				<-s.ends
				if len(s.ends) > 0 {
					t.Error("ended twice")
				}
				c.Close()
			}
		})
	}
}

// RFC 6455 section 7.1.1: a client that neither answers a close frame nor leaves
// is cut off, however much it still sends.
func TestClientThatNeverLeaves(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string][]byte{"after Close": nil, "after a fault": frame(0x83, "")} {
		for what, f := range map[string][]byte{"silent": nil, "sending": frame(0x82, strings.Repeat("x", 10000)), "pinging": frame(0x89, "")} {
			t.Run(name+", "+what, func(t *testing.T) {
				t.Parallel()
				s := start(t, func(s *transport.Settings) { s.CloseTimeout = 50 * time.Millisecond }, nil)
				c := s.dial(t, "", "")
				conn := <-s.conns
				if fault == nil {
					conn.Close(4000, "")
				}
				c.send(fault)
				first, _ := c.next()
				for first != 0x88 {
					first, _ = c.next()
				}
				for f != nil {
					if _, err := c.Write(f); err != nil {
						break
					}
				}
				if fault == nil {
					s.expectEnd(t, 4000, transport.CauseServer)
				} else {
					s.expectEnd(t, 1002, transport.CauseProtocol)
				}
				if first, _, err := c.read(); err == nil {
					t.Errorf("frame %#x after the close frame", first)
				}
			})
		}
	}
}
