// Command chi serves consumers behind the router chi, which takes the URL
// parameters it puts into a request's context from a pool and uses them for
// another request as soon as its handler has returned. A consumer's handler
// returns while the connection lives, so what must live on is copied: by Scope,
// which has the path values, and by Options.Keep.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/gochannels/channels/consumer"
)

// Consumer tells its client where it is.
type Consumer struct{ consumer.Base }

type tenantKey struct{}

// ReceiveJSON answers with what is known after the handshake.
func (c *Consumer) ReceiveJSON(ctx context.Context, _ consumer.Message) error {
	return c.SendJSON(ctx, map[string]any{
		"tenant": ctx.Value(tenantKey{}),
		"room":   c.Scope().PathValue("room"),
	})
}

func keep(r *http.Request) context.Context {
	return context.WithValue(context.Background(), tenantKey{}, chi.URLParam(r, "tenant"))
}

func newRouter() http.Handler {
	r := chi.NewRouter()
	r.Route("/{tenant}", func(r chi.Router) {
		r.Handle("/rooms/{room:[a-z0-9]+}", consumer.MustHandler(
			func() *Consumer { return new(Consumer) },
			&consumer.Options{Keep: keep},
		))
	})
	return r
}

func main() {
	addr := flag.String("addr", "127.0.0.1:8003", "where to listen")
	flag.Parse()
	fmt.Printf("ws://%s/acme/rooms/lobby\n", *addr)
	srv := &http.Server{Addr: *addr, Handler: newRouter(), ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(srv.ListenAndServe())
}
