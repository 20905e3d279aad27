package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8000", "address to listen on; port 0 takes a free one")
	where := flag.String("layer", "", "a Redis server such as redis://127.0.0.1:6379, by which several processes share the rooms; none is needed for one")
	drain := flag.Duration("drain", 10*time.Second, "how long connections may take to end after SIGTERM")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)

	if err := run(ctx, *addr, *where, *drain, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "chat:", err)
		os.Exit(1)
	}
}

// run serves the chat until ctx is done, then ends every connection in good order.
func run(ctx context.Context, addr, where string, drain time.Duration, out io.Writer) error {
	l, err := newLayer(where)
	if err != nil {
		return err
	}
	rooms := NewRooms()
	chat := NewChat(l, rooms)

	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s is taken by another program; choose another address with -addr, or any free port with -addr 127.0.0.1:0", addr)
	}
	if err != nil {
		return err
	}
	server := &http.Server{Handler: NewSite(chat, rooms), ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	counting, stopCounting := context.WithCancel(context.WithoutCancel(ctx))
	counted := make(chan struct{})
	go func() { rooms.AnnounceEvery(counting, l, time.Second/2); close(counted) }()
	fmt.Fprintf(out, "chat: open http://%s/ in a browser; Ctrl-C ends it\n", listener.Addr())

	select {
	case <-ctx.Done():
		err = nil
	case err = <-served:
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	// Sockets first: http.Server forgets a connection once it is a websocket.
	err = errors.Join(err, consumer.Shutdown(ending, chat), server.Shutdown(ending))
	stopCounting()
	<-counted
	rooms.Announce(ending, l) // other processes' people are alone now
	err = errors.Join(err, l.Close())
	fmt.Fprintf(out, "chat: %s\n", summary(chat))
	return err
}

// newLayer returns the layer for one process, or for all that use a Redis server.
func newLayer(where string) (layer.ChannelLayer, error) {
	if where == "" {
		return new(layer.Memory), nil
	}
	return redislayer.NewPubSub(&redislayer.Options{Hosts: []any{where}, Prefix: "chat"})
}

// summary says what became of the connections.
func summary(chat *consumer.Handler) string {
	s := chat.Stats()
	return fmt.Sprintf("%d connections, %d disconnected, %d open, %d stuck", s.Accepted, s.Disconnected, s.Open, s.Stuck)
}
