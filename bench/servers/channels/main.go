// Server channels: this library with all its defaults, on layer.Memory. What a
// group message is to its receivers is chosen by -handler.
package main

import (
	"context"
	"flag"
	"log"
	"net/http"

	"github.com/gochannels/channels/bench/internal/site"
	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
)

type server struct {
	http.Handler
	layer *layer.Memory
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

func main() {
	kind := flag.String("handler", "relay", "what a group message is to its receivers: relay, envelope, message or struct")
	flag.Parse()
	s := server{layer: new(layer.Memory)}
	opts := consumer.Options{Layer: s.layer, Compression: *site.Deflate}
	if *site.Binary {
		*kind = "binary"
	}
	switch *kind {
	case "relay":
		opts.FromClient = []string{"echo.message"}
		opts.Relay = map[string]consumer.Relay{"chat.message": consumer.RelayMessage()}
		s.Handler = consumer.MustHandler(func() *relayConsumer { return new(relayConsumer) }, &opts)
	case "envelope":
		opts.FromClient = []string{"echo.message"}
		s.Handler = consumer.MustHandler(func() *envelopeConsumer { return new(envelopeConsumer) }, &opts)
	case "struct":
		opts.FromClient = []string{"echo.message"}
		s.Handler = consumer.MustHandler(func() *structConsumer { return new(structConsumer) }, &opts)
	case "message":
		s.Handler = consumer.MustHandler(func() *messageConsumer { return new(messageConsumer) }, &opts)
	case "binary":
		s.Handler = consumer.MustHandler(func() *binaryConsumer { return new(binaryConsumer) }, &opts)
	default:
		log.Fatalf("channels: no handler %q", *kind)
	}
	site.Main(s)
}
