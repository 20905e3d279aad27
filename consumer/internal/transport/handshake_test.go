//lint:file-ignore SA1019 The library is an independent client here.

package transport_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"nhooyr.io/websocket"

	"github.com/gochannels/channels/consumer/internal/transport"
)

func TestHandshakeRefusals(t *testing.T) {
	t.Parallel()
	s := start(t, nil, nil)
	good := "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
	tests := []struct {
		name, line, headers string
		status              int
		header              string
	}{
		{"plain GET", "GET / HTTP/1.1", "", 426, "Upgrade: websocket"},
		{"POST", "POST / HTTP/1.1", good + "Content-Length: 0\r\n", 405, "Allow: GET"},
		{"HTTP/1.0", "GET / HTTP/1.0", good, 505, ""},
		{"h2c", "GET / HTTP/1.1", strings.Replace(good, "websocket", "h2c", 1), 426, "Upgrade: websocket"},
		{"version 8", "GET / HTTP/1.1", strings.Replace(good, "13", "8", 1), 400, "Sec-Websocket-Version: 13"},
		{"no key", "GET / HTTP/1.1", strings.Replace(good, "Sec-WebSocket-Key", "X", 1), 400, ""},
		{"two keys", "GET / HTTP/1.1", good + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", 400, ""},
		{"short key", "GET / HTTP/1.1", strings.Replace(good, "dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ=", 1), 400, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", s.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "%s\r\nHost: x\r\n%s\r\n", test.line, test.headers)
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.StatusCode != test.status {
				t.Errorf("status %d, want %d", resp.StatusCode, test.status)
			}
			if name, value, ok := strings.Cut(test.header, ": "); ok && resp.Header.Get(name) != value {
				t.Errorf("header %s is %q, want %q", name, resp.Header.Get(name), value)
			}
		})
	}
}

// The library as a client is an independent opinion, with compression too.
func TestAgainstTheLibrary(t *testing.T) {
	t.Parallel()
	for _, mode := range []websocket.CompressionMode{websocket.CompressionDisabled, websocket.CompressionNoContextTakeover, websocket.CompressionContextTakeover} {
		t.Run(fmt.Sprint(mode), func(t *testing.T) {
			t.Parallel()
			s := start(t, func(s *transport.Settings) { s.Compression, s.ReadLimit = true, 1<<20 }, nil)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c, _, err := websocket.Dial(ctx, s.URL, &websocket.DialOptions{
				CompressionMode: mode, CompressionThreshold: 1,
				Subprotocols: []string{"one", "two"}, HTTPHeader: http.Header{"Want-Subprotocol": {"two"}},
			})
			if err != nil {
				t.Fatal(err)
			}
			c.SetReadLimit(2 << 20)
			conn := <-s.conns
			if want := mode != websocket.CompressionDisabled; conn.Compressed() != want {
				t.Errorf("Compressed() = %v, want %v", conn.Compressed(), want)
			}
			if c.Subprotocol() != "two" || conn.Subprotocol() != "two" {
				t.Errorf("subprotocol %q and %q, want two", c.Subprotocol(), conn.Subprotocol())
			}
			for _, n := range []int{0, 1, 100, 1000, 5000, 70000, 1 << 20} {
				p := strings.Repeat("compress me ", n/12+1)[:n]
				if err := c.Write(ctx, websocket.MessageText, []byte(p)); err != nil {
					t.Fatal(err)
				}
				typ, got, err := c.Read(ctx)
				if err != nil || typ != websocket.MessageText || string(got) != p {
					t.Fatalf("%d bytes: got %v, %d bytes, %v", n, typ, len(got), err)
				}
			}
			if err := c.Close(websocket.StatusCode(4000), "done"); err != nil {
				t.Errorf("close handshake: %v", err)
			}
			s.expectEnd(t, 4000, transport.CauseClient)
		})
	}
}

// RFC 7692: what expands beyond the limit is refused without being made.
func TestCompressionBomb(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *transport.Settings) { s.Compression = true }, nil)
	ctx := t.Context()
	c, _, err := websocket.Dial(ctx, s.URL, &websocket.DialOptions{CompressionMode: websocket.CompressionNoContextTakeover, CompressionThreshold: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if err := c.Write(ctx, websocket.MessageBinary, make([]byte, 16<<20)); err != nil {
		t.Fatal(err)
	}
	_, _, err = c.Read(ctx)
	if websocket.CloseStatus(err) != websocket.StatusMessageTooBig {
		t.Errorf("%v, want close code 1009", err)
	}
	t.Run("garbage", func(t *testing.T) {
		raw := s.dial(t, "Sec-WebSocket-Extensions: permessage-deflate\r\n", "")
		raw.send(frame(0xC1, "\xff\xff\xff\xff"))
		raw.expectClose(1007)
	})
}

// A router or middleware may wrap the writer.
func TestWrappedWriter(t *testing.T) {
	t.Parallel()
	s := start(t, nil, nil)
	inner := s.Config.Handler
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { inner.ServeHTTP(wrapped{w}, r) })
	c := s.dial(t, "", "")
	c.send(frame(0x81, "x"))
	c.expect(0x81, "x")
}

type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

var _ io.Writer = wrapped{}
