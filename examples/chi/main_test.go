package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/testing/consumertest"
)

// Each connection goes on seeing its own parameters, whatever chi does with
// its pool afterwards.
func TestParametersSurvive(t *testing.T) {
	t.Parallel()
	router := newRouter()
	var all []*consumertest.WebsocketCommunicator
	for i := range 20 {
		c := consumertest.NewWebsocketCommunicator(t, router, fmt.Sprintf("/tenant%d/rooms/room%d", i, i))
		c.Connect()
		all = append(all, c)
	}
	stir(router)
	for i, c := range all {
		c.SendText("{}")
		c.ExpectJSON(map[string]string{"tenant": fmt.Sprintf("tenant%d", i), "room": fmt.Sprintf("room%d", i)})
		c.Disconnect()
	}
}

// stir makes chi take its contexts from the pool and put them back.
func stir(router http.Handler) {
	for i := range 200 {
		router.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", fmt.Sprintf("/other%d/rooms/x", i), nil))
	}
}

// careless has no Keep and looks for chi's context when it is chi's again.
type careless struct{ consumer.Base }

type userKey struct{}

func (c *careless) Connect(ctx context.Context) error {
	if chi.URLParamFromCtx(ctx, "tenant") == "" {
		return fmt.Errorf("no parameter during Connect")
	}
	return nil
}

func (c *careless) ReceiveJSON(ctx context.Context, _ consumer.Message) error {
	return c.SendJSON(ctx, []any{chi.RouteContext(ctx) == nil, ctx.Value(userKey{}), c.Scope().PathValue("tenant")})
}

// Without Keep a connection loses chi's context and keeps other values: it
// never sees another's parameters.
func TestWithoutKeepNothingLeaks(t *testing.T) {
	t.Parallel()
	r := chi.NewRouter()
	r.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, "ada")))
		})
	})
	r.Handle("/{tenant}/rooms/{room}", consumer.MustHandler(func() *careless { return new(careless) }, nil))
	c := consumertest.NewWebsocketCommunicator(t, r, "/acme/rooms/x")
	c.Connect()
	stir(r)
	c.SendText("{}")
	c.ExpectJSON([]any{true, "ada", "acme"})
	c.Disconnect()
}

// refusing goes on after its refusal.
type refusing struct {
	consumer.Base
	stirred chan struct{}
	seen    chan string
}

func (c *refusing) Connect(ctx context.Context) error {
	go func() {
		<-c.stirred
		c.seen <- chi.URLParamFromCtx(ctx, "tenant")
	}()
	return errors.New("no")
}

// Nor does a connection that was refused.
func TestAfterARefusalNothingLeaks(t *testing.T) {
	t.Parallel()
	stirred, seen := make(chan struct{}), make(chan string)
	r := chi.NewRouter()
	r.Handle("/{tenant}/rooms/{room}", consumer.MustHandler(func() *refusing { return &refusing{stirred: stirred, seen: seen} }, nil))
	consumertest.NewWebsocketCommunicator(t, r, "/acme/rooms/x").ExpectRefused(403)
	stir(r)
	close(stirred)
	if tenant := <-seen; tenant != "" {
		t.Errorf("after its refusal acme's context has the tenant %q", tenant)
	}
}
