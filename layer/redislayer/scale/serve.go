package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer"
)

// seat is in the group of all and in a group of its own.
type seat struct{ consumer.Base }

// Connect joins the group that the address names.
func (s *seat) Connect(ctx context.Context) error {
	return s.GroupAdd(ctx, "own."+s.Scope().URL.Query().Get("own"))
}

// Gap tells the client.
func (s *seat) Gap(ctx context.Context, _ layer.Gap) error {
	return s.SendJSON(ctx, consumer.Message{"type": "gap"})
}

// newLayer opens a layer. Core is told Channels' capacity, where that is not the default.
func newLayer(kind, url string, capacity int) (layer.ChannelLayer, error) {
	o := &redislayer.Options{Hosts: []any{url}}
	if kind == "core" {
		if capacity != djangoCapacity {
			o.Capacity = capacity
		}
		return redislayer.NewCore(o)
	}
	return redislayer.NewPubSub(o)
}

// serve is a process with consumers. It prints its address, and its counts at /stats.
func serve(args []string) error {
	f := flag.NewFlagSet("serve", flag.ExitOnError)
	kind, url := f.String("layer", "pubsub", ""), f.String("redis", "", "")
	capacity := f.Int("capacity", djangoCapacity, "")
	_ = f.Parse(args)
	l, err := newLayer(*kind, *url, *capacity)
	if err != nil {
		return err
	}
	defer l.Close()
	h, err := consumer.NewHandler(func() *seat { return new(seat) }, &consumer.Options{
		Layer: l, Groups: []string{"all"}, QueueBytes: 16 << 20,
		Relay: map[string]consumer.Relay{"said": consumer.RelayMessage()},
	})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/ws", h)
	mux.HandleFunc("/stats", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(counts(l)) })
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() { _ = server.Serve(ln) }()
	for !l.(layer.Readier).Ready() && ctx.Err() == nil {
		<-time.After(10 * time.Millisecond)
	}
	fmt.Println(ln.Addr())
	<-ctx.Done()
	return server.Close()
}

// counts are what the layer has counted of overflows and gaps.
func counts(l layer.ChannelLayer) map[string]int64 {
	all := map[string]int64{}
	for _, m := range l.(layer.Measured).Metrics() {
		for _, part := range []string{"overflow", "gaps", "dropped", "reconnects"} {
			if strings.Contains(m.Name, part) {
				all[part] += m.Value
			}
		}
	}
	return all
}
