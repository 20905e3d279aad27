package consumer_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/testing/consumertest"
)

type userKey struct{}

func TestScope(t *testing.T) {
	t.Parallel()
	kept := make(chan *consumer.Scope, 1)
	h := &hooks{
		connect: func(_ context.Context, c *hooks) error {
			s := c.Scope()
			if s.Request() == nil || s.Request().PathValue("room") != "a b" {
				t.Error("no request during Connect")
			}
			kept <- s
			return nil
		},
		receive: func(ctx context.Context, c *hooks, _ consumer.Message) error {
			s := c.Scope()
			cookie, err := s.Cookie("session")
			if err != nil {
				return err
			}
			return c.SendJSON(ctx, []any{
				s.Method, s.URL.Path, s.URL.RawQuery, s.Host, s.Header.Get("X-Test"), s.PathValue("room"), s.PathValue("rest"), s.PathValue("none"),
				cookie.Value, s.Subprotocols(), s.RemoteAddr != "", s.TLS == nil, s.Request() == nil, ctx.Value(userKey{}), s.Channel,
			})
		},
	}
	mux := http.NewServeMux()
	mux.Handle("/chat/{room}/{rest...}", h.handler(t, consumer.Options{}))
	c := consumertest.NewWebsocketCommunicator(t, mux, "/chat/a%20b/c/d?x=%20y", &consumertest.Options{
		Header: http.Header{"X-Test": {"yes"}, "Cookie": {"a=b; session=s3"}}, Subprotocols: []string{"v2", "v1"},
		Context: func(ctx context.Context) context.Context { return context.WithValue(ctx, userKey{}, "ada") },
	})
	c.Connect()
	c.SendText("{}")
	c.ExpectJSON([]any{"GET", "/chat/a b/c/d", "x=%20y", "example.test", "yes", "a b", "c/d", "", "s3", []string{"v2", "v1"}, true, true, true, "ada", ""})
	c.Disconnect()
	if (<-kept).Request() != nil {
		t.Error("the request outlives Connect")
	}
}

// poolRouter takes what it puts into the context from a pool, as chi does, and
// uses it for the next request once its handler has returned.
type poolRouter struct {
	next http.Handler
	pool sync.Pool
}

type (
	poolKey struct{}
	params  struct{ user string }
)

func (p *poolRouter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v, _ := p.pool.Get().(*params)
	if v == nil {
		v = new(params)
	}
	v.user = r.URL.Query().Get("user")
	p.next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), poolKey{}, v)))
	v.user = "another"
	p.pool.Put(v)
}

// With Keep, what lives on is what Keep copied, and nothing else.
func TestKeep(t *testing.T) {
	t.Parallel()
	type kept struct{}
	h := &hooks{
		connect: func(ctx context.Context, c *hooks) error {
			if ctx.Value(poolKey{}) == nil {
				t.Error("Connect's ctx lacks the router's value")
			}
			return nil
		},
		receive: func(ctx context.Context, c *hooks, _ consumer.Message) error {
			return c.SendJSON(ctx, fmt.Sprintf("%v %v", ctx.Value(kept{}), ctx.Value(poolKey{})))
		},
	}
	app := h.handler(t, consumer.Options{Keep: func(r *http.Request) context.Context {
		return context.WithValue(context.Background(), kept{}, r.Context().Value(poolKey{}).(*params).user)
	}})
	router := &poolRouter{next: app}
	var all []*consumertest.WebsocketCommunicator
	for i := range 4 {
		c := consumertest.NewWebsocketCommunicator(t, router, fmt.Sprintf("/?user=u%d", i))
		c.Connect()
		all = append(all, c)
	}
	for i, c := range all {
		c.SendText("{}")
		c.ExpectJSON(fmt.Sprintf("u%d <nil>", i))
		c.Disconnect()
	}
}

func TestOrigins(t *testing.T) {
	t.Parallel()
	tests := []struct {
		allow   []string
		origin  []string // nil: no header
		require bool
		ok      bool
	}{
		{nil, []string{"http://example.test"}, false, true},
		{nil, []string{"https://example.test"}, false, true},
		{nil, []string{"http://EXAMPLE.test"}, false, true},
		{nil, []string{"http://example.test:80"}, false, true},
		{nil, []string{"http://example.test:8080"}, false, false},
		{nil, []string{"http://evil.test"}, false, false},
		{nil, []string{"http://example.test.evil.test"}, false, false},
		{nil, []string{"http://notexample.test"}, false, false},
		{nil, []string{"http://example.test@evil.test"}, false, false},
		{nil, []string{"http://user@example.test"}, false, false},
		{nil, []string{"null"}, false, false},
		{nil, []string{"file://"}, false, false},
		{nil, []string{""}, false, false},
		{nil, []string{"something-invalid"}, false, false},
		{nil, []string{"http://example.test", "http://evil.test"}, false, false},
		{nil, nil, false, true},
		{nil, nil, true, false},
		{[]string{"*"}, nil, true, true},
		{[]string{"*"}, []string{"null"}, false, true},
		{[]string{"allowed.com"}, []string{"http://allowed.com"}, false, true},
		{[]string{"allowed.com"}, []string{"https://allowed.com:8443"}, false, true},
		{[]string{"allowed.com"}, []string{"http://www.allowed.com"}, false, false},
		{[]string{"allowed.com"}, []string{"http://example.test"}, false, false},
		{[]string{".allowed.com"}, []string{"http://www.allowed.com"}, false, true},
		{[]string{".allowed.com"}, []string{"http://allowed.com"}, false, true},
		{[]string{".allowed.com"}, []string{"http://disallowed.com"}, false, false},
		{[]string{"*.allowed.com"}, []string{"http://www.allowed.com"}, false, true},
		{[]string{"*.allowed.com"}, []string{"http://allowed.com"}, false, false},
		{[]string{"http://allowed.com"}, []string{"http://allowed.com"}, false, true},
		{[]string{"http://allowed.com"}, []string{"http://allowed.com:80"}, false, true},
		{[]string{"http://allowed.com"}, []string{"http://allowed.com:8080"}, false, false},
		{[]string{"http://allowed.com"}, []string{"https://allowed.com"}, false, false},
		{[]string{"https://*.allowed.com"}, []string{"https://a.allowed.com"}, false, true},
		{[]string{"https://*.allowed.com"}, []string{"http://a.allowed.com"}, false, false},
		{[]string{"https://allowed.com:8443"}, []string{"https://allowed.com:8443"}, false, true},
		{[]string{"allowed.com:8080"}, []string{"http://allowed.com:8080"}, false, true},
		{[]string{"allowed.com:8080"}, []string{"http://allowed.com"}, false, false},
		{[]string{"[::1]"}, []string{"http://[::1]:3000"}, false, true},
		{[]string{"xn--bcher-kva.example"}, []string{"https://xn--bcher-kva.example"}, false, true},
		{[]string{"app://local"}, []string{"app://local"}, false, true},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.allow, test.origin, test.require), func(t *testing.T) {
			t.Parallel()
			h := &hooks{connect: func(context.Context, *hooks) error {
				if !test.ok {
					t.Error("Connect ran")
				}
				return nil
			}}
			app := h.handler(t, consumer.Options{Origins: test.allow, RequireOrigin: test.require})
			c := consumertest.NewWebsocketCommunicator(t, app, "/", &consumertest.Options{Header: http.Header{"Origin": test.origin}})
			if test.ok {
				c.Connect()
				c.Disconnect()
				return
			}
			c.ExpectRefused(http.StatusForbidden)
			if n := app.Stats().Refused["origin"]; n != 1 {
				t.Errorf("%d counted", n)
			}
		})
	}
}

func FuzzOrigin(f *testing.F) {
	f.Add("https://example.com", "example.com")
	f.Add("https://a.example.com:8443", "*.example.com")
	f.Add("null", "https://example.com")
	f.Fuzz(func(t *testing.T, origin, pattern string) {
		_, err := consumer.NewHandler(func() *hooks { return new(hooks) }, &consumer.Options{Origins: []string{pattern}})
		if err != nil {
			return
		}
		r, _ := http.NewRequest("GET", "http://other.test/", nil)
		r.Header["Origin"] = []string{origin}
		if consumer.OriginAllowed(pattern, r) && pattern != "*" && origin == "" {
			t.Errorf("an empty origin passes %q", pattern)
		}
	})
}

// receiver takes every frame itself.
type rawReceiver struct{ consumer.Base }

func (c *rawReceiver) Receive(ctx context.Context, f consumer.Frame) error {
	if err := c.Send(ctx, f); err != nil {
		return err
	}
	return c.Send(ctx, consumer.TextFrame("\xff")) // refused, and no reason to close
}

func TestReceiveHook(t *testing.T) {
	t.Parallel()
	app := consumer.MustHandler(func() *rawReceiver { return new(rawReceiver) }, &consumer.Options{
		OnError: func(context.Context, *consumer.EventError) error { return nil },
	})
	c := consumertest.NewWebsocketCommunicator(t, app, "/")
	c.Connect()
	c.SendText("not json")
	c.ExpectText("not json")
	c.SendBinary([]byte{0, 1, 0xff})
	c.ExpectBinary([]byte{0, 1, 0xff})
	c.SendText("")
	c.ExpectText("")
	c.SendBinary(nil)
	c.ExpectBinary(nil)
	c.Disconnect()
}

// gapped has the Gap hook.
type gapped struct{ consumer.Base }

func (c *gapped) Gap(ctx context.Context, gap layer.Gap) error { return c.SendJSON(ctx, gap.Cause) }

// gappyLayer hands out its mailboxes.
type gappyLayer struct {
	layer.Memory
	boxes chan *layer.Mailbox
}

func (l *gappyLayer) NewChannel(ctx context.Context) (*layer.Mailbox, error) {
	m, err := l.Memory.NewChannel(ctx)
	l.boxes <- m
	return m, err
}

func TestGapHook(t *testing.T) {
	t.Parallel()
	l := &gappyLayer{boxes: make(chan *layer.Mailbox, 1)}
	app := consumer.MustHandler(func() *gapped { return new(gapped) }, &consumer.Options{Layer: l})
	c := consumertest.NewWebsocketCommunicator(t, app, "/")
	c.Connect()
	m := <-l.boxes
	m.DeliverGap(layer.Gap{Cause: "reconnected"})
	c.ExpectJSON("reconnected")
	c.Disconnect()

	var out log // without the hook it is logged once and counted
	h := (&hooks{}).handler(t, consumer.Options{Layer: l, Logger: out.logger()})
	c = consumertest.NewWebsocketCommunicator(t, h, "/")
	c.Connect()
	(<-l.boxes).DeliverGap(layer.Gap{Cause: "reconnected"})
	waitFor(t, "the gap to be counted", func() bool { return h.Stats().Gaps == 1 })
	c.Disconnect()
}
