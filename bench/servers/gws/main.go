// Server gws: github.com/lxzan/gws with its Broadcaster and ConcurrentMap.
package main

import (
	"flag"
	"net/http"

	"github.com/lxzan/gws"

	"github.com/gochannels/channels/bench/internal/site"
)

type server struct {
	gws.BuiltinEventHandler
	upgrader *gws.Upgrader
	conns    *gws.ConcurrentMap[*gws.Conn, struct{}]
}

func (s *server) OnOpen(c *gws.Conn)           { s.conns.Store(c, struct{}{}) }
func (s *server) OnClose(c *gws.Conn, _ error) { s.conns.Delete(c) }

func (s *server) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	_ = c.WriteMessage(m.Opcode, m.Bytes())
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, err := s.upgrader.Upgrade(w, r)
	if err == nil {
		go c.ReadLoop() // as gws advises: net/http's memory can go
	}
}

func (s *server) Broadcast(_ string, m site.Message) {
	op := gws.OpcodeText
	if *site.Binary {
		op = gws.OpcodeBinary
	}
	b := gws.NewBroadcaster(op, m.JSON())
	defer b.Close()
	s.conns.Range(func(c *gws.Conn, _ struct{}) bool {
		_ = b.Broadcast(c)
		return true
	})
}

func main() {
	flag.Parse()
	s := &server{conns: gws.NewConcurrentMap[*gws.Conn, struct{}]()}
	opts := &gws.ServerOption{}
	opts.PermessageDeflate.Enabled, opts.PermessageDeflate.Threshold = *site.Deflate, 64
	s.upgrader = gws.NewUpgrader(s, opts)
	site.Main(s)
}
