package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/testing/consumertest"
)

type connectFunc = func(ctx context.Context, c *hooks) error

// The rows of the package comment's table. An accepted connection sees one
// Disconnect, a refused one none.
func TestConnectAccepts(t *testing.T) {
	t.Parallel()
	for name, connect := range map[string]connectFunc{
		"nil":    func(context.Context, *hooks) error { return nil },
		"Accept": func(ctx context.Context, c *hooks) error { return c.Accept(ctx) },
		"Accept and send": func(ctx context.Context, c *hooks) error {
			return errors.Join(c.Accept(ctx), c.SendJSON(ctx, 1), c.Send(ctx, consumer.TextFrame("2")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disconnects := make(chan consumer.StatusCode, 10)
			h := &hooks{connect: connect, disconnect: func(_ context.Context, _ *hooks, code consumer.StatusCode) error {
				disconnects <- code
				return nil
			}}
			c := consumertest.NewWebsocketCommunicator(t, h.handler(t, consumer.Options{}), "/")
			c.Connect()
			if name == "Accept and send" {
				c.ExpectJSON(1)
				c.ExpectText("2")
			}
			c.Disconnect()
			if len(disconnects) != 1 {
				t.Fatalf("Disconnect ran %d times", len(disconnects))
			}
			if code := <-disconnects; code != 1000 {
				t.Errorf("Disconnect was told %d", code)
			}
		})
	}
}

func TestConnectRefuses(t *testing.T) {
	t.Parallel()
	secret := errors.New("secret")
	tests := []struct {
		name    string
		connect connectFunc
		status  int
		reason  string
		header  string
	}{
		{"error", func(context.Context, *hooks) error { return secret }, 403, "connect", ""},
		{"ErrStop", func(context.Context, *hooks) error { return consumer.ErrStop }, 403, "connect", ""},
		{"CloseError", func(context.Context, *hooks) error { return &consumer.CloseError{Code: 4000, Reason: "secret"} }, 403, "connect", ""},
		{"Close", func(ctx context.Context, c *hooks) error { return c.Close(4000, "secret") }, 403, "connect", ""},
		{"Close, then Accept", func(ctx context.Context, c *hooks) error {
			c.Close(0, "")
			if err := c.Accept(ctx); err == nil {
				return errors.New("accepted")
			}
			return nil
		}, 403, "connect", ""},
		{"DenyError", func(context.Context, *hooks) error {
			return fmt.Errorf("wrapped: %w", &consumer.DenyError{Status: 401, Header: http.Header{"www-authenticate": {"Bearer"}}, Body: []byte("log in first")})
		}, 401, "connect", "Www-Authenticate: Bearer"},
		{"DenyError without a body", func(context.Context, *hooks) error { return &consumer.DenyError{Status: 404} }, 404, "connect", "Content-Type: text/plain; charset=utf-8"},
		{"DenyError of zero", func(context.Context, *hooks) error { return &consumer.DenyError{} }, 403, "connect", ""},
		{"DenyError that redirects", func(context.Context, *hooks) error {
			return &consumer.DenyError{Status: 302, Header: http.Header{"Location": {"/login"}}}
		}, 302, "connect", "Location: /login"},
		{"DenyError with status 200", func(context.Context, *hooks) error { return &consumer.DenyError{Status: 200} }, 403, "connect", ""},
		{"DenyError that smuggles", func(context.Context, *hooks) error {
			return &consumer.DenyError{Status: 401, Header: http.Header{"X": {"a\r\nSet-Cookie: x"}}}
		}, 403, "connect", ""},
		{"panic", func(context.Context, *hooks) error { panic(secret) }, 500, "panic", ""},
		{"Goexit", func(context.Context, *hooks) error { runtime.Goexit(); return nil }, 500, "panic", ""},
		{"layer unavailable", func(context.Context, *hooks) error { return fmt.Errorf("%w: secret", layer.ErrUnavailable) }, 503, "layer", "Retry-After"},
		{"outcome unknown", func(context.Context, *hooks) error { return layer.ErrOutcomeUnknown }, 503, "layer", "Retry-After"},
		{"layer full", func(context.Context, *hooks) error { return layer.ErrFull }, 503, "layer", "Retry-After"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l := new(layer.Memory)
			h := &hooks{connect: test.connect, disconnect: func(context.Context, *hooks, consumer.StatusCode) error {
				t.Error("a refused connection saw Disconnect")
				return nil
			}}
			app := h.handler(t, consumer.Options{Layer: l, Groups: []string{"g"}})
			c := consumertest.NewWebsocketCommunicator(t, app, "/")
			resp := c.ExpectRefused(test.status)
			body, _ := io.ReadAll(resp.Body)
			if strings.Contains(string(body), "secret") {
				t.Errorf("the client is told %q", body)
			}
			if test.name == "DenyError" && string(body) != "log in first" {
				t.Errorf("body %q", body)
			}
			name, value, _ := strings.Cut(test.header, ": ")
			if got := resp.Header.Get(name); name != "" && (got == "" || value != "" && got != value) {
				t.Errorf("header %s is %q, want %q", name, got, value)
			}
			if resp.Header.Get("Set-Cookie") != "" {
				t.Error("a header was smuggled in")
			}
			if got := app.Stats().Refused; got[test.reason] != 1 || len(got) != 1 {
				t.Errorf("refused %v, want 1 for %s", got, test.reason)
			}
			waitFor(t, "the groups to be left", func() bool { return l.Stats().Memberships == 0 && l.Stats().Channels == 0 })
		})
	}
}

func TestAcceptThenError(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  error
		code consumer.StatusCode
	}{
		"error":      {errors.New("secret"), 1011},
		"CloseError": {&consumer.CloseError{Code: 4001, Reason: "enough"}, 4001},
		"ErrStop":    {consumer.ErrStop, 1000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := make(chan consumer.StatusCode, 10)
			h := &hooks{
				connect: func(ctx context.Context, c *hooks) error {
					c.Accept(ctx)
					c.SendJSON(ctx, "before")
					return test.err
				},
				disconnect: func(_ context.Context, _ *hooks, code consumer.StatusCode) error {
					got <- code
					return nil
				},
			}
			c := consumertest.NewWebsocketCommunicator(t, h.handler(t, consumer.Options{}), "/")
			c.Connect()
			c.ExpectJSON("before")
			if e := c.ExpectClose(test.code); strings.Contains(e.Reason, "secret") {
				t.Errorf("the client is told %q", e.Reason)
			}
			if code := <-got; code != test.code {
				t.Errorf("Disconnect was told %d", code)
			}
		})
	}
}

// Neither within ConnectTimeout: 503, ctx cancelled, groups left at once, even
// if Connect ignores its context.
func TestConnectTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := new(layer.Memory)
		release := make(chan struct{})
		late := make(chan error, 1)
		h := &hooks{connect: func(ctx context.Context, c *hooks) error {
			<-release
			if ctx.Err() == nil {
				t.Error("ctx is not cancelled")
			}
			late <- errors.Join(c.Accept(context.WithoutCancel(ctx)), c.GroupAdd(context.WithoutCancel(ctx), "g"))
			return nil
		}}
		app := h.handler(t, consumer.Options{Layer: l, Groups: []string{"g"}, ConnectTimeout: time.Minute})
		start := time.Now()
		c := consumertest.NewWebsocketCommunicator(t, app, "/", &consumertest.Options{Timeout: time.Hour})
		c.ExpectRefused(503)
		if d := time.Since(start); d != time.Minute {
			t.Errorf("answered after %v", d)
		}
		if s := l.Stats(); s.Memberships != 0 || s.Channels != 0 {
			t.Errorf("%d memberships, %d channels", s.Memberships, s.Channels)
		}
		close(release)
		if err := <-late; !errors.Is(err, consumer.ErrNotConnected) || !errors.Is(err, layer.ErrUnknownChannel) {
			t.Errorf("after the time-out: %v", err)
		}
		synctest.Wait()
		if s := l.Stats(); s.Memberships != 0 || s.Channels != 0 {
			t.Errorf("afterwards %d memberships, %d channels", s.Memberships, s.Channels)
		}
	})
}

func TestClientLeavesDuringConnect(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	in, out := make(chan struct{}), make(chan error, 1)
	h := &hooks{connect: func(ctx context.Context, c *hooks) error {
		close(in)
		<-ctx.Done()
		out <- ctx.Err()
		return ctx.Err()
	}}
	app := h.handler(t, consumer.Options{Layer: l, Groups: []string{"g"}})
	srv := httptest.NewServer(app)
	defer srv.Close()
	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
	req.Header = http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}}
	go func() { <-in; cancel() }()
	if resp, err := http.DefaultTransport.RoundTrip(req); err == nil {
		resp.Body.Close()
		t.Fatal("answered")
	}
	<-out
	waitFor(t, "the count", func() bool { return app.Stats().Refused["client_gone"] == 1 && l.Stats().Memberships == 0 })
}

func TestAcceptOptions(t *testing.T) {
	t.Parallel()
	errs := make(chan []error, 1)
	h := &hooks{connect: func(ctx context.Context, c *hooks) error {
		var e []error
		if err := c.SendJSON(ctx, 1); !errors.Is(err, consumer.ErrNotAccepted) {
			e = append(e, fmt.Errorf("SendJSON before Accept: %w", err))
		}
		for _, o := range []consumer.AcceptOptions{
			{Subprotocol: "v3"},
			{Header: http.Header{"X": {"a\r\nY: b"}}},
			{Header: http.Header{"a b": {"c"}}},
			{Header: http.Header{"sec-websocket-accept": {"x"}}},
			{Header: http.Header{"Connection": {"x"}}},
		} {
			if err := c.Accept(ctx, o); err == nil {
				e = append(e, fmt.Errorf("Accept(%v) succeeded", o))
			}
		}
		if err := c.Accept(ctx, consumer.AcceptOptions{}, consumer.AcceptOptions{}); err == nil {
			e = append(e, errors.New("two AcceptOptions were taken"))
		}
		errs <- e
		return c.Accept(ctx, consumer.AcceptOptions{Subprotocol: "v2", Header: http.Header{"X-Served-By": {"me"}, "Set-Cookie": {"a=1", "b=2"}}})
	}, receive: func(ctx context.Context, c *hooks, _ consumer.Message) error { return c.SendJSON(ctx, c.Subprotocol()) }}
	app := h.handler(t, consumer.Options{Subprotocols: []string{"v1"}})
	middleware := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "session=1")
		app.ServeHTTP(w, r)
	})
	c := consumertest.NewWebsocketCommunicator(t, middleware, "/", &consumertest.Options{Subprotocols: []string{"v1", "v2"}})
	resp := c.Connect()
	for _, err := range <-errs {
		t.Error(err)
	}
	if c.Subprotocol() != "v2" || resp.Header.Get("X-Served-By") != "me" || !slices.Equal(resp.Header["Set-Cookie"], []string{"session=1", "a=1", "b=2"}) {
		t.Errorf("subprotocol %q, headers %v", c.Subprotocol(), resp.Header)
	}
	c.SendText("{}")
	c.ExpectJSON("v2")
	c.Disconnect()
}

// The server's order of preference decides, RFC 6455 section 4.2.2.
func TestSubprotocols(t *testing.T) {
	t.Parallel()
	app := (&hooks{}).handler(t, consumer.Options{Subprotocols: []string{"v2", "v1"}})
	for want, offered := range map[string][]string{"v2": {"v1", "v2", "v3"}, "v1": {"v1"}, "": {"v3"}} {
		c := consumertest.NewWebsocketCommunicator(t, app, "/", &consumertest.Options{Subprotocols: offered})
		c.Connect()
		if c.Subprotocol() != want {
			t.Errorf("offered %v: got %q", offered, c.Subprotocol())
		}
		c.Disconnect()
	}
}

func TestBadFactories(t *testing.T) {
	t.Parallel()
	var out log
	one := new(hooks)
	for name, factory := range map[string]func() *hooks{
		"nil":   func() *hooks { return nil },
		"panic": func() *hooks { panic("no") },
		"same":  func() *hooks { return one },
	} {
		app := consumer.MustHandler(factory, &consumer.Options{Logger: out.logger()})
		c := consumertest.NewWebsocketCommunicator(t, app, "/")
		if name == "same" {
			c.Connect()
			c = consumertest.NewWebsocketCommunicator(t, app, "/")
		}
		c.ExpectRefused(500)
	}
	for _, want := range []string{"the factory returned nil", "panic", "serves a connection already"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log lacks %q: %s", want, out.String())
		}
	}
	type byPointer struct{ *consumer.Base }
	app := consumer.MustHandler(func() *byPointer { return new(byPointer) }, &consumer.Options{Logger: out.logger()})
	consumertest.NewWebsocketCommunicator(t, app, "/").ExpectRefused(500)
}

func TestMaxConnections(t *testing.T) {
	t.Parallel()
	app := (&hooks{}).handler(t, consumer.Options{MaxConnections: 3})
	var open []*consumertest.WebsocketCommunicator
	for range 3 {
		c := consumertest.NewWebsocketCommunicator(t, app, "/")
		c.Connect()
		open = append(open, c)
	}
	// A storm beyond the limit.
	for range 50 {
		if resp := consumertest.NewWebsocketCommunicator(t, app, "/").ExpectRefused(503); resp.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	open[0].Disconnect()
	consumertest.NewWebsocketCommunicator(t, app, "/").Connect()
	waitFor(t, "the counts", func() bool { // the client knows of a handshake a moment before
		s := app.Stats()
		return s.Open == 3 && s.Accepted == 4 && s.Refused["max_connections"] == 50
	})
}

func TestConnectConcurrency(t *testing.T) {
	t.Parallel()
	in, out := make(chan struct{}), make(chan struct{})
	h := &hooks{connect: func(context.Context, *hooks) error { in <- struct{}{}; <-out; return nil }}
	app := h.handler(t, consumer.Options{ConnectConcurrency: 1})
	first := consumertest.NewWebsocketCommunicator(t, app, "/")
	done := make(chan struct{})
	go func() { defer close(done); first.Connect() }()
	<-in
	consumertest.NewWebsocketCommunicator(t, app, "/").ExpectRefused(503)
	out <- struct{}{}
	<-done
	waitFor(t, "the place", func() bool { return consumer.Connecting(app) == 0 })
	go func() { <-in; out <- struct{}{} }()
	consumertest.NewWebsocketCommunicator(t, app, "/").Connect()
	if n := app.Stats().Refused["connect_concurrency"]; n != 1 {
		t.Errorf("%d counted", n)
	}
}

func TestUnboundBase(t *testing.T) {
	t.Parallel()
	c := new(hooks)
	ctx := t.Context()
	for name, err := range map[string]error{
		"Accept": c.Accept(ctx), "Close": c.Close(0, ""), "SendJSON": c.SendJSON(ctx, 1), "Send": c.Send(ctx, consumer.Frame{}),
		"GroupAdd": c.GroupAdd(ctx, "g"), "GroupDiscard": c.GroupDiscard(ctx, "g"), "GroupSend": c.GroupSend(ctx, "g", nil),
	} {
		if !errors.Is(err, consumer.ErrNotConnected) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if c.Scope() != nil || c.Layer() != nil || c.ChannelName() != "" || c.Subprotocol() != "" {
		t.Error("an unbound Base has values")
	}
}

func TestNoLayer(t *testing.T) {
	t.Parallel()
	h := &hooks{connect: func(ctx context.Context, c *hooks) error {
		if c.ChannelName() != "" || c.Layer() != nil {
			t.Error("a channel without a layer")
		}
		if err := c.GroupAdd(ctx, "g"); !errors.Is(err, consumer.ErrNoLayer) {
			t.Errorf("GroupAdd: %v", err)
		}
		return nil
	}}
	c := consumertest.NewWebsocketCommunicator(t, h.handler(t, consumer.Options{}), "/")
	c.Connect()
	c.Disconnect()
}
