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
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
)

// masked is a client's frame of at most 125 bytes, under a mask of zeros.
func masked(first byte, payload string) []byte {
	return append([]byte{first, 0x80 | byte(len(payload)), 0, 0, 0, 0}, payload...)
}

func closing(code int) string { return string(binary.BigEndian.AppendUint16(nil, uint16(code))) }

// lastFrame reads to the end of the stream and returns the close frame, which must
// be the one and the last.
func lastFrame(t *testing.T, br *bufio.Reader, onClose func()) string {
	t.Helper()
	closed := ""
	for {
		head := make([]byte, 2)
		if _, err := io.ReadFull(br, head); err != nil {
			return closed
		}
		n := uint64(head[1])
		if size := map[byte]int{126: 2, 127: 8}[head[1]]; size > 0 {
			b := make([]byte, 8)
			io.ReadFull(br, b[8-size:])
			n = binary.BigEndian.Uint64(b)
		}
		p := make([]byte, n)
		io.ReadFull(br, p)
		if closed != "" {
			t.Errorf("frame %#x of %d bytes after the close frame", head[0], n)
		}
		if head[0] == 0x88 {
			closed = string(p)
			onClose()
		}
	}
}

// RFC 6455 section 5.5.1, of the whole: in a storm of relayed and of handled
// messages, whoever ends the connection, there is one close frame, nothing
// follows it, and Disconnect runs once, with its code.
func TestOneCloseFrameInAStorm(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		send  []byte // what the client sends to bring the end about
		code  int
		cause string
	}{
		"the client":       {masked(0x88, closing(4100)), 4100, "client"},
		"without a code":   {masked(0x88, ""), 1005, "client"},
		"the consumer":     {masked(0x81, `{"type":"close"}`), 4200, "server"},
		"an error":         {masked(0x81, `{"type":"error"}`), 1011, "server"},
		"a panic":          {masked(0x81, `{"type":"panic"}`), 1011, "server"},
		"shutdown":         {masked(0x81, `{"type":"shutdown"}`), 1012, "server"},
		"no mask":          {[]byte{0x81, 2, '{', '}'}, 1002, "protocol"},
		"a reserved bit":   {masked(0xC1, "{}"), 1002, "protocol"},
		"no close code":    {masked(0x88, closing(1006)), 1002, "protocol"},
		"not UTF-8":        {masked(0x81, "\xff"), 1007, "protocol"},
		"a flood of pings": {[]byte(strings.Repeat(string(masked(0x89, "")), 500)), 1008, "protocol"},
		"too much":         {[]byte{0x81, 0xFF, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0}, 1009, "too_big"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var app *consumer.Handler
			l, codes, shut := new(layer.Memory), make(chan consumer.StatusCode, 10), make(chan struct{})
			h := &hooks{
				receive: func(_ context.Context, c *hooks, msg consumer.Message) error {
					switch msg.Type() {
					case "close":
						return c.Close(4200, "enough")
					case "error":
						return errors.New("as it happens")
					case "panic":
						panic("as it happens")
					}
					close(shut)
					return nil
				},
				disconnect: func(_ context.Context, _ *hooks, code consumer.StatusCode) error { codes <- code; return nil },
			}
			app = h.handler(t, consumer.Options{Layer: l, Groups: []string{"g"}, QueueBytes: 64 << 20, DrainWindow: time.Millisecond, Relay: map[string]consumer.Relay{"fast": consumer.RelayMessage()}})
			conn, br := dial(t, serve(t, app))
			ended := make(chan struct{})
			var storm sync.WaitGroup
			for _, typ := range []string{"fast", "test.event"} {
				storm.Go(func() {
					for i := 0; ; i++ {
						select {
						case <-ended:
							return
						default:
							l.GroupSend(context.Background(), "g", consumer.Message{"type": typ, "fill": strings.Repeat("storm ", i%300)})
						}
					}
				})
			}
			for range 20 {
				skip(t, br)
			}
			go conn.Write(test.send)
			if name == "shutdown" {
				go func() {
					<-shut
					consumer.Shutdown(context.Background(), app)
				}()
			}
			want := closing(test.code)
			if test.code == 1005 {
				want = ""
			}
			seen := false
			got := lastFrame(t, br, func() {
				seen = true
				switch {
				case test.cause == "server":
					conn.Write(masked(0x88, want))
				case test.cause == "protocol" || test.cause == "too_big":
					conn.(*net.TCPConn).CloseWrite()
				}
			})
			close(ended)
			storm.Wait()
			if !seen || !strings.HasPrefix(got, want) || want == "" && got != "" {
				t.Errorf("closed (%v) with %x, want %x", seen, got, want)
			}
			if code := <-codes; int(code) != test.code {
				t.Errorf("Disconnect was told %d, want %d", code, test.code)
			}
			waitFor(t, "the end", func() bool { return app.Stats().Open == 0 })
			s := app.Stats()
			if s.Disconnected != 1 || len(codes) > 0 || len(s.Closed) != 1 || s.Closed[test.cause] != 1 {
				t.Errorf("%d Disconnect hooks, closed %v, want one by %s", s.Disconnected, s.Closed, test.cause)
			}
		})
	}
}

// What a client sends with its handshake, before anybody answered it, is handled
// after Connect, and in order; a close frame among it is the end.
func TestEarlyFrames(t *testing.T) {
	t.Parallel()
	codes := make(chan consumer.StatusCode, 1)
	release := make(chan struct{})
	h := &hooks{
		connect: func(ctx context.Context, c *hooks) error { <-release; return c.Accept(ctx) },
		receive: func(ctx context.Context, c *hooks, msg consumer.Message) error {
			if msg["n"] == nil {
				t.Errorf("got %v", msg)
			}
			return c.SendJSON(ctx, msg)
		},
		disconnect: func(_ context.Context, _ *hooks, code consumer.StatusCode) error { codes <- code; return nil },
	}
	srv := serve(t, h.handler(t, consumer.Options{}))
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	early := "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
	const messages = 200 // more than net/http reads at once
	for i := range messages {
		early += string(masked(0x81, fmt.Sprintf(`{"n":%d,"fill":"%s"}`, i, strings.Repeat("x", i%90))))
	}
	io.WriteString(conn, early)
	close(release)
	conn.Write(masked(0x88, closing(4321)))
	br := bufio.NewReader(conn)
	if resp, err := http.ReadResponse(br, nil); err != nil || resp.StatusCode != 101 {
		t.Fatalf("%v, %v", resp, err)
	}
	for i := range messages {
		head := make([]byte, 2)
		io.ReadFull(br, head)
		p := make([]byte, head[1])
		io.ReadFull(br, p)
		if head[0] != 0x81 || !strings.Contains(string(p), fmt.Sprintf(`"n":%d}`, i)) {
			t.Fatalf("message %d: %#x %q", i, head[0], p)
		}
	}
	if got := lastFrame(t, br, func() {}); got != closing(4321) {
		t.Errorf("closed with %x", got)
	}
	if code := <-codes; code != 4321 {
		t.Errorf("Disconnect was told %d", code)
	}
}

// A client that stops inside a frame can't answer a ping either, and is cut off.
func TestHalfAFrame(t *testing.T) {
	t.Parallel()
	codes := make(chan consumer.StatusCode, 1)
	h := &hooks{disconnect: func(_ context.Context, _ *hooks, code consumer.StatusCode) error { codes <- code; return nil }}
	app := h.handler(t, consumer.Options{PingInterval: 40 * time.Millisecond, PingTimeout: 40 * time.Millisecond})
	conn, br := dial(t, serve(t, app))
	conn.Write(masked(0x81, `{"type":"never.whole"}`)[:15])
	if got := lastFrame(t, br, func() {}); got != "" {
		t.Errorf("closed with %x", got)
	}
	if code := <-codes; code != consumer.StatusAbnormalClosure || app.Stats().Closed["ping_timeout"] != 1 {
		t.Errorf("Disconnect was told %d, closed %v", code, app.Stats().Closed)
	}
}
