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
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
)

// serve listens on a real socket, whose buffers a stalled client can fill.
func serve(t *testing.T, app *consumer.Handler) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(app)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		consumer.Shutdown(ctx, app)
		srv.Close()
	})
	return srv
}

// dial makes a handshake and leaves the rest to the test.
func dial(t *testing.T, srv *httptest.Server) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
	br := bufio.NewReader(conn)
	resp, err := http.ReadResponse(br, nil)
	if err != nil || resp.StatusCode != 101 {
		t.Fatalf("handshake: %v %v", resp, err)
	}
	return conn, br
}

// skip reads the next frame that is no ping, of less than 4 GiB, and returns
// its first byte.
func skip(t *testing.T, br *bufio.Reader) byte {
	t.Helper()
	for {
		var head [2]byte
		if _, err := io.ReadFull(br, head[:]); err != nil {
			t.Fatal(err)
		}
		n := int64(head[1])
		if size := map[byte]int{126: 2, 127: 8}[head[1]]; size > 0 {
			b := make([]byte, 8)
			io.ReadFull(br, b[8-size:])
			n = int64(binary.BigEndian.Uint64(b))
		}
		if _, err := io.CopyN(io.Discard, br, n); err != nil {
			t.Fatal(err)
		}
		if head[0] != 0x89 {
			return head[0]
		}
	}
}

// A client that does not read is closed from inside the GroupSend that fills
// its queue, in the handler of a member even, without a deadlock; the others
// get everything.
func TestSlowClientIsClosedInsideGroupSend(t *testing.T) {
	t.Parallel()
	for _, typ := range []string{"test.event", "fast"} {
		t.Run(typ, func(t *testing.T) {
			t.Parallel()
			l := &layer.Memory{Capacity: 100000}
			codes := make(chan consumer.StatusCode, 10)
			h := &hooks{
				receive: func(ctx context.Context, c *hooks, msg consumer.Message) error {
					for i := range 300 {
						big := consumer.Message{"type": typ, "n": i, "fill": strings.Repeat("x", 100<<10)}
						if err := c.GroupSend(ctx, "g", big); err != nil {
							return err
						}
					}
					return nil
				},
				disconnect: func(_ context.Context, _ *hooks, code consumer.StatusCode) error { codes <- code; return nil },
			}
			app := h.handler(t, consumer.Options{
				Layer: l, Groups: []string{"g"}, WriteTimeout: time.Second,
				Relay: map[string]consumer.Relay{"fast": consumer.RelayMessage()},
			})
			srv := serve(t, app)
			dial(t, srv) // never reads
			sender, br := dial(t, srv)
			waitFor(t, "both to join", func() bool { return app.Stats().Open == 2 })
			sender.Write([]byte{0x81, 0x82, 0, 0, 0, 0, '{', '}'})
			if code := <-codes; code != consumer.StatusTryAgainLater {
				t.Errorf("the stalled client's Disconnect was told %d", code)
			}
			for range 300 {
				first := skip(t, br)
				if first == 0x88 { // on two cores the sender may be slow too
					return
				}
				if first != 0x81 {
					t.Fatalf("frame %x", first)
				}
			}
		})
	}
}

// With SlowDrop the newest message is lost, counted, told to who sends, and
// closes nothing.
func TestSlowDrop(t *testing.T) {
	t.Parallel()
	dropped := make(chan error, 1)
	h := &hooks{receive: func(ctx context.Context, c *hooks, _ consumer.Message) error {
		for {
			if err := c.Send(ctx, consumer.BinaryFrame(make([]byte, 100<<10))); err != nil {
				dropped <- err
				return err
			}
		}
	}}
	app := h.handler(t, consumer.Options{Slow: consumer.SlowDrop})
	srv := serve(t, app)
	conn, br := dial(t, srv)
	conn.Write([]byte{0x81, 0x82, 0, 0, 0, 0, '{', '}'})
	if err := <-dropped; !errors.Is(err, layer.ErrFull) {
		t.Errorf("Send: %v", err)
	}
	s := app.Stats()
	if s.Open != 1 || s.Dropped["slow"] != 1 || len(s.Errors) > 0 {
		t.Errorf("%+v", s)
	}
	for range s.Sent {
		if first := skip(t, br); first != 0x82 {
			t.Fatalf("frame %x", first)
		}
	}
}

// One stalled client holds up neither the sender nor the others.
func TestStalledClientHoldsUpNobody(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	app := (&hooks{}).handler(t, consumer.Options{Layer: l, Groups: []string{"g"}, QueueBytes: 64 << 20, Relay: map[string]consumer.Relay{"fast": consumer.RelayMessage()}})
	srv := serve(t, app)
	dial(t, srv) // never reads
	_, br := dial(t, srv)
	waitFor(t, "both to join", func() bool { return app.Stats().Open == 2 })
	go func() {
		for i := range 200 {
			groupSend(t, l, "g", consumer.Message{"type": "fast", "n": i, "fill": strings.Repeat("x", 100<<10)})
		}
	}()
	for range 200 {
		if first := skip(t, br); first != 0x81 {
			t.Fatalf("frame %x", first)
		}
	}
	waitFor(t, "the sender", func() bool { return app.Stats().Relayed == 400 })
}
