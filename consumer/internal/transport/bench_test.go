package transport_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gochannels/channels/consumer/internal/transport"
)

// answer sends one small frame over a socket that takes it at once.
func answer(tb testing.TB) func() {
	var dropped atomic.Int64
	settings := transport.Settings{ReadLimit: 1 << 10, QueueBytes: 1 << 20, WriteTimeout: time.Minute, CloseTimeout: time.Minute, Flushers: transport.NewFlushers(), Dropped: &dropped}
	conns := make(chan *transport.Conn, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := transport.Accept(w, r, "", &settings, unheard{}); err == nil {
			conns <- c
			go c.Read()
		}
	}))
	tb.Cleanup(s.Close)
	client, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { client.Close() })
	io.WriteString(client, "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
	go io.Copy(io.Discard, client)
	conn, text := <-conns, []byte(`{"type":"echo.message","text":"as long as usual"}`)
	return func() {
		f, err := transport.BuildOnce(false, func(b []byte) ([]byte, error) { return append(b, text...), nil })
		if err == nil {
			err = conn.Send(f, true)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
}

type unheard struct{}

func (unheard) Ended(*transport.EndError) {}

func BenchmarkAnswer(b *testing.B) {
	send := answer(b)
	b.ReportAllocs()
	for b.Loop() {
		send()
	}
}
