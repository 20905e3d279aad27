// Server gorilla: github.com/gorilla/websocket as its chat example uses it, with
// a PreparedMessage for each broadcast and a pool of write buffers.
package main

import (
	"flag"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/gochannels/channels/bench/internal/site"
)

// message is a broadcast, framed once, or an answer to one connection.
type message struct {
	prepared *websocket.PreparedMessage
	kind     int
	plain    []byte
}

type server struct {
	hub      site.Hub[message]
	upgrader websocket.Upgrader
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, err := s.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer c.Close()
	queue, done := s.hub.Join(), make(chan struct{})
	defer close(done)
	defer s.hub.Leave(queue)
	go write(c, queue, done)
	for {
		kind, b, err := c.ReadMessage()
		if err != nil {
			return
		}
		queue <- message{kind: kind, plain: b} // only one goroutine may write
	}
}

func write(c *websocket.Conn, queue <-chan message, done <-chan struct{}) {
	for {
		select {
		case m := <-queue:
			_ = c.SetWriteDeadline(time.Now().Add(5 * time.Second))
			var err error
			if m.prepared != nil {
				err = c.WritePreparedMessage(m.prepared)
			} else {
				err = c.WriteMessage(m.kind, m.plain)
			}
			if err != nil {
				c.Close()
				return
			}
		case <-done:
			return
		}
	}
}

func (s *server) Broadcast(_ string, m site.Message) {
	kind := websocket.TextMessage
	if *site.Binary {
		kind = websocket.BinaryMessage
	}
	if p, err := websocket.NewPreparedMessage(kind, m.JSON()); err == nil {
		s.hub.Send(message{prepared: p})
	}
}

func main() {
	flag.Parse()
	site.Main(&server{upgrader: websocket.Upgrader{
		WriteBufferPool:   new(sync.Pool),
		EnableCompression: *site.Deflate,
		CheckOrigin:       func(*http.Request) bool { return true },
	}})
}
