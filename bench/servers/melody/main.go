// Server melody: github.com/olahol/melody with its own hub. Groups are as in its
// example of several rooms: a filter over all sessions.
package main

import (
	"errors"
	"flag"
	"net/http"
	"slices"

	"github.com/olahol/melody"

	"github.com/gochannels/channels/bench/internal/site"
)

type server struct{ m *melody.Melody }

func (s server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	keys := map[string]any{}
	if r.URL.RawQuery != "" {
		keys["groups"] = site.Groups(r)
	}
	_ = s.m.HandleRequestWithKeys(w, r, keys)
}

func (s server) Broadcast(group string, m site.Message) {
	in := func(c *melody.Session) bool {
		groups, _ := c.Get("groups")
		return slices.Contains(groups.([]string), group)
	}
	b := m.JSON()
	switch {
	case group == site.Everyone && *site.Binary:
		_ = s.m.BroadcastBinary(b)
	case group == site.Everyone:
		_ = s.m.Broadcast(b)
	default:
		_ = s.m.BroadcastFilter(b, in)
	}
}

func main() {
	flag.Parse()
	m := melody.New()
	m.Config.MaxMessageSize = 64 << 10
	m.Config.MessageBufferSize = *site.Queue
	m.Upgrader.EnableCompression = *site.Deflate
	m.HandleMessage(func(c *melody.Session, b []byte) { _ = c.Write(b) })
	m.HandleMessageBinary(func(c *melody.Session, b []byte) { _ = c.WriteBinary(b) })
	m.HandleError(func(_ *melody.Session, err error) {
		if errors.Is(err, melody.ErrMessageBufferFull) {
			site.Dropped.Add(1)
		}
	})
	site.Main(server{m})
}
