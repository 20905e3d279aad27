//lint:file-ignore SA1019 The library is one of those that are compared.

// Server nhooyr: nhooyr.io/websocket as its chat example uses it, with a
// reading goroutine, the handler's, and a writing one for each connection.
package main

import (
	"context"
	"flag"
	"net/http"
	"time"

	"nhooyr.io/websocket"

	"github.com/gochannels/channels/bench/internal/site"
)

type server struct{ hub site.Hub[[]byte] }

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	opts := &websocket.AcceptOptions{CompressionMode: websocket.CompressionDisabled}
	if *site.Deflate {
		opts.CompressionMode, opts.CompressionThreshold = websocket.CompressionNoContextTakeover, 64
	}
	c, err := websocket.Accept(w, r, opts)
	if err != nil {
		return
	}
	defer c.CloseNow()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	queue := s.hub.Join()
	defer s.hub.Leave(queue)
	go s.writeAll(ctx, c, queue)
	for {
		kind, b, err := c.Read(ctx)
		if err != nil {
			return
		}
		if write(ctx, c, kind, b) != nil {
			return
		}
	}
}

func (s *server) writeAll(ctx context.Context, c *websocket.Conn, queue <-chan []byte) {
	kind := websocket.MessageText
	if *site.Binary {
		kind = websocket.MessageBinary
	}
	for {
		select {
		case b := <-queue:
			if write(ctx, c, kind, b) != nil {
				_ = c.CloseNow()
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

func write(ctx context.Context, c *websocket.Conn, kind websocket.MessageType, b []byte) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return c.Write(ctx, kind, b)
}

func (s *server) Broadcast(_ string, m site.Message) { s.hub.Send(m.JSON()) }

func main() {
	flag.Parse()
	site.Main(&server{})
}
