// Server channels: this library with all its defaults. What a group message is to
// its receivers is chosen by -handler, and what carries it by -layer.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http"

	"github.com/gochannels/channels/bench/internal/site"
	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer"
)

type server struct {
	http.Handler
	layer layer.ChannelLayer
}

func (s server) Broadcast(group string, m site.Message) {
	msg := layer.Message{"type": m.Type, "t": m.T, "data": m.Data}
	if *site.Binary {
		msg = layer.Message{"type": m.Type, "data": m.JSON()}
	}
	if err := s.layer.GroupSend(context.Background(), group, msg); err != nil {
		log.Print(err)
	}
}

func newLayer(kind, redis string) (layer.ChannelLayer, error) {
	opts := &redislayer.Options{Hosts: []any{redis}}
	switch kind {
	case "memory":
		return new(layer.Memory), nil
	case "core":
		return redislayer.NewCore(opts)
	case "pubsub":
		return redislayer.NewPubSub(opts)
	}
	return nil, fmt.Errorf("there is no layer %q", kind)
}

func newHandler(kind string, opts *consumer.Options) (*consumer.Handler, error) {
	switch kind {
	case "relay":
		opts.FromClient = []string{"echo.message"}
		opts.Relay = map[string]consumer.Relay{"chat.message": consumer.RelayMessage()}
		return consumer.NewHandler(func() *relayConsumer { return new(relayConsumer) }, opts)
	case "envelope":
		opts.FromClient = []string{"echo.message"}
		return consumer.NewHandler(func() *envelopeConsumer { return new(envelopeConsumer) }, opts)
	case "struct":
		opts.FromClient = []string{"echo.message"}
		return consumer.NewHandler(func() *structConsumer { return new(structConsumer) }, opts)
	case "message":
		return consumer.NewHandler(func() *messageConsumer { return new(messageConsumer) }, opts)
	case "binary":
		opts.Relay = map[string]consumer.Relay{"chat.message": consumer.RelayBinary("data")}
		return consumer.NewHandler(func() *binaryConsumer { return new(binaryConsumer) }, opts)
	}
	return nil, fmt.Errorf("there is no handler %q", kind)
}

func main() {
	log.SetPrefix("channels: ")
	kind := flag.String("handler", "relay", "what a group message is to its receivers: relay, envelope, message or struct")
	carrier := flag.String("layer", "memory", "memory, core or pubsub")
	redis := flag.String("redis", "redis://127.0.0.1:6379", "for the layers over Redis")
	flag.Parse()
	if *site.Binary {
		*kind = "binary"
	}
	l, err := newLayer(*carrier, *redis)
	if err != nil {
		log.Fatal(err)
	}
	h, err := newHandler(*kind, &consumer.Options{Layer: l, Compression: *site.Deflate})
	if err != nil {
		log.Fatal(err)
	}
	site.Main(server{h, l})
}
