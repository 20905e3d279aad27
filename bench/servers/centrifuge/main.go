// Server centrifuge: github.com/centrifugal/centrifuge with its memory broker and
// its JSON protocol, which the load must speak (-proto centrifuge). Connections
// are subscribed by the server; an echo is an RPC.
package main

import (
	"context"
	"flag"
	"log"
	"net/http"
	"time"

	"github.com/centrifugal/centrifuge"

	"github.com/gochannels/channels/bench/internal/site"
)

type groupsKey struct{}

type server struct {
	node *centrifuge.Node
	http.Handler
}

func (s server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.Handler.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), groupsKey{}, site.Groups(r))))
}

func (s server) Broadcast(group string, m site.Message) {
	if _, err := s.node.Publish(group, m.JSON()); err != nil {
		log.Print(err)
	}
}

func connecting(ctx context.Context, _ centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
	reply := centrifuge.ConnectReply{
		Credentials:   &centrifuge.Credentials{UserID: "u"},
		Subscriptions: map[string]centrifuge.SubscribeOptions{},
	}
	for _, group := range ctx.Value(groupsKey{}).([]string) {
		reply.Subscriptions[group] = centrifuge.SubscribeOptions{}
	}
	return reply, nil
}

func main() {
	flag.Parse()
	node, err := centrifuge.New(centrifuge.Config{ClientQueueMaxSize: 64 << 20})
	if err != nil {
		log.Fatal(err)
	}
	node.OnConnecting(connecting)
	node.OnConnect(func(c *centrifuge.Client) {
		c.OnRPC(func(e centrifuge.RPCEvent, answer centrifuge.RPCCallback) {
			answer(centrifuge.RPCReply{Data: e.Data}, nil)
		})
	})
	if err := node.Run(); err != nil {
		log.Fatal(err)
	}
	ws := centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{
		UseWriteBufferPool: true,
		WriteTimeout:       5 * time.Second,
		Compression:        *site.Deflate,
		CompressionMinSize: 64,
		CheckOrigin:        func(*http.Request) bool { return true },
	})
	site.Main(server{node, ws})
}
