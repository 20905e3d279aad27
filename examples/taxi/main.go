package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
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

// Config is what the flags say.
type Config struct {
	Addr   string
	DB     string
	Layer  string
	Demo   bool
	Access time.Duration
	Drain  time.Duration
	Log    bool
}

func main() {
	var c Config
	flag.StringVar(&c.Addr, "addr", "127.0.0.1:8000", "address to listen on; port 0 takes a free one")
	flag.StringVar(&c.DB, "db", "taxi.db", "the SQLite file with users and trips, made if there is none")
	flag.StringVar(&c.Layer, "layer", "", "a Redis server such as redis://127.0.0.1:6379, by which several processes serve one city; none is needed for one")
	flag.BoolVar(&c.Demo, "demo", true, "let visitors be demo users, whose password everybody knows")
	flag.DurationVar(&c.Access, "access", time.Hour, "how long an access token lives")
	flag.DurationVar(&c.Drain, "drain", 10*time.Second, "how long connections may take to end after SIGTERM")
	flag.BoolVar(&c.Log, "log", false, "log every request")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)

	if err := run(ctx, c, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "taxi:", err)
		os.Exit(1)
	}
}

// run serves until ctx is done, then ends every connection in good order.
func run(ctx context.Context, c Config, out io.Writer) error {
	store, err := OpenStore(ctx, c.DB)
	if err != nil {
		return err
	}
	defer store.Close()
	accounts, err := NewAccounts(ctx, store, AccountsOptions{Access: c.Access})
	if err == nil {
		err = accounts.SeedDemo(ctx, c.Demo)
	}
	if err != nil {
		return err
	}
	l, err := newLayer(c.Layer)
	if err != nil {
		return err
	}
	site := Site{Layer: l, Store: store, Accounts: accounts, Taxi: NewTaxi(l, store), Demo: c.Demo}
	if c.Log {
		site.Log = slog.Default()
	}
	return errors.Join(serve(ctx, c, site, out), l.Close())
}

func serve(ctx context.Context, c Config, site Site, out io.Writer) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s is taken by another program; choose another address with -addr, or any free port with -addr 127.0.0.1:0", c.Addr)
	}
	if err != nil {
		return err
	}
	server := &http.Server{Handler: site.Handler(), ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	fmt.Fprintf(out, "taxi: open http://%s/ in a browser; Ctrl-C ends it\n", listener.Addr())

	select {
	case <-ctx.Done():
		err = nil
	case err = <-served:
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.Drain)
	defer cancel()
	// Sockets first: http.Server forgets a connection once it is a websocket.
	err = errors.Join(err, consumer.Shutdown(ending, site.Taxi), server.Shutdown(ending))
	s := site.Taxi.Stats()
	fmt.Fprintf(out, "taxi: %d connections, %d disconnected, %d open, %d stuck\n", s.Accepted, s.Disconnected, s.Open, s.Stuck)
	return err
}

// newLayer returns the layer for one process, or for all that use a Redis server.
func newLayer(where string) (layer.ChannelLayer, error) {
	if where == "" {
		return new(layer.Memory), nil
	}
	return redislayer.NewPubSub(&redislayer.Options{Hosts: []any{where}, Prefix: "taxi"})
}
