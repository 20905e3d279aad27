package transport_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/consumer/internal/transport"
)

// noting is middleware that reaches Hijack by Unwrap and notes the status.
type noting struct {
	http.ResponseWriter
	status int
}

func (n *noting) Unwrap() http.ResponseWriter { return n.ResponseWriter }

func (n *noting) WriteHeader(status int) {
	n.status = status
	n.Header().Set("X-Late", "set with the status")
	n.ResponseWriter.WriteHeader(status)
}

// The answer has what was set on the ResponseWriter, whoever writes it; middleware sees it pass.
func TestAnswer(t *testing.T) {
	t.Parallel()
	for _, wrapped := range []bool{false, true} {
		t.Run(fmt.Sprintf("wrapped %v", wrapped), func(t *testing.T) {
			t.Parallel()
			var dropped atomic.Int64
			settings := transport.Settings{ReadLimit: 1 << 10, QueueBytes: 1 << 20, WriteTimeout: time.Minute, CloseTimeout: time.Minute, Compression: true, Flushers: transport.NewFlushers(), Dropped: &dropped}
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				n := &noting{ResponseWriter: w}
				if wrapped {
					w = n
				}
				w.Header().Add("Set-Cookie", "a=1")
				w.Header().Add("Set-Cookie", "b=2")
				w.Header().Set("X-Split", "one\r\nX-Smuggled: two")
				c, err := transport.Accept(w, r, "v2", &settings, unheard{})
				if err != nil {
					t.Errorf("Accept: %v", err)
					return
				}
				if wrapped && n.status != http.StatusSwitchingProtocols {
					t.Errorf("the middleware saw the status %d", n.status)
				}
				go echo(c)
			}))
			t.Cleanup(s.Close)
			conn, err := net.Dial("tcp", s.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			conn.Write(append([]byte("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
				"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: v1, v2\r\n"+
				"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"), frame(0x81, "early")...))
			br := bufio.NewReader(conn)
			resp, err := http.ReadResponse(br, nil)
			if err != nil {
				t.Fatal(err)
			}
			want := http.Header{
				"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Sec-Websocket-Accept": {"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="},
				"Sec-Websocket-Protocol": {"v2"}, "Sec-Websocket-Extensions": {"permessage-deflate; client_no_context_takeover; server_no_context_takeover"},
				"Set-Cookie": {"a=1", "b=2"}, "X-Split": {"one  X-Smuggled: two"},
			}
			if wrapped {
				want.Set("X-Late", "set with the status")
			}
			if dated := resp.Header.Get("Date") != ""; dated != wrapped { // net/http dates what it writes
				t.Errorf("the answer was written by net/http: %v, want %v", dated, wrapped)
			}
			resp.Header.Del("Date")
			if diff := cmp.Diff(want, resp.Header); diff != "" || resp.StatusCode != 101 {
				t.Errorf("status %s, headers (-want +got):\n%s", resp.Status, diff)
			}
			c := &raw{t: t, Conn: conn, br: br}
			c.expect(0x81, "early")
		})
	}
}
