package consumer_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/testing/consumertest"
)

// A mailbox's word that comes after the end of everything harms nobody.
func TestLateWake(t *testing.T) {
	t.Parallel()
	h := (&hooks{}).handler(t, consumer.Options{Layer: new(layer.Memory)})
	a := consumertest.NewWebsocketCommunicator(t, h, "/")
	a.Connect()
	waitFor(t, "the first", func() bool { return h.Stats().Open == 1 })
	wake := consumer.LateWake(h)
	b := consumertest.NewWebsocketCommunicator(t, h, "/")
	b.Connect()
	waitFor(t, "the second", func() bool { return h.Stats().Open == 2 })
	a.Disconnect()
	wake()
	if n := h.Stats().Open; n != 1 || consumer.Admitted(h) != 1 {
		t.Errorf("%d open, %d admitted", n, consumer.Admitted(h))
	}
	b.Disconnect()
}

// hiding is a ResponseWriter as careless middleware wraps it.
type hiding struct{ http.ResponseWriter }

func TestMiddlewareThatHidesTheConnection(t *testing.T) {
	t.Parallel()
	var out log
	h := (&hooks{}).handler(t, consumer.Options{Logger: out.logger()})
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(hiding{w}, r) })
	consumertest.NewWebsocketCommunicator(t, app, "/").ExpectRefused(500)
	if h.Stats().Refused["hijack"] != 1 || !strings.Contains(out.String(), "consumer_test.hiding") {
		t.Errorf("%v, log %q", h.Stats().Refused, out.String())
	}
}

// panicky fails when the connection is taken over.
type panicky struct{ http.ResponseWriter }

func (panicky) Hijack() (net.Conn, *bufio.ReadWriter, error) { panic("no") }

func TestPanicDuringTheHandshakeLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, connect := range map[string]connectFunc{
		"Accept": func(ctx context.Context, c *hooks) error { return c.Accept(ctx) },
		"nil":    func(context.Context, *hooks) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := new(layer.Memory)
			returned := make(chan struct{})
			h := (&hooks{connect: func(ctx context.Context, c *hooks) error { defer close(returned); return connect(ctx, c) }}).
				handler(t, consumer.Options{Layer: l, Groups: []string{"g"}, MaxConnections: 1})
			app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer func() { recover(); panic(http.ErrAbortHandler) }()
				h.ServeHTTP(panicky{w}, r)
			})
			e := &exampleT{TB: t} // which panics when the handshake has no answer
			defer e.end()
			c := consumertest.NewWebsocketCommunicator(e, app, "/")
			func() {
				defer func() { recover() }()
				c.Connect()
			}()
			<-returned
			waitFor(t, "the place", func() bool { return consumer.Admitted(h) == 0 && l.Stats().Memberships == 0 })
		})
	}
}

// Shutdown waits for handshakes that are in Connect, and refuses them.
func TestShutdownDuringConnect(t *testing.T) {
	t.Parallel()
	in, goOn := make(chan struct{}), make(chan struct{})
	h := (&hooks{connect: func(ctx context.Context, c *hooks) error {
		close(in)
		<-goOn
		if err := c.Accept(ctx); err == nil {
			t.Error("accepted while shutting down")
		}
		return nil
	}}).handler(t, consumer.Options{})
	done := make(chan error, 1)
	go func() {
		<-in
		go func() { done <- consumer.Shutdown(context.Background(), h) }()
		for h.Ready() {
			runtime.Gosched()
		}
		select {
		case <-done:
			t.Error("Shutdown did not wait")
		case <-time.After(50 * time.Millisecond): // for it to return wrongly
		}
		close(goOn)
	}()
	consumertest.NewWebsocketCommunicator(t, h, "/").ExpectRefused(503)
	if err := <-done; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

func TestOnErrorThatPanics(t *testing.T) {
	t.Parallel()
	h := (&hooks{receive: func(context.Context, *hooks, consumer.Message) error { return io.EOF }}).
		handler(t, consumer.Options{OnError: func(context.Context, *consumer.EventError) error { panic("in OnError") }})
	c := consumertest.NewWebsocketCommunicator(t, h, "/")
	c.Connect()
	c.SendText("{}")
	c.ExpectClose(1011)
}

// What leaves nothing to go on with can't be taken back by OnError.
func TestOnErrorCannotMuteTheUnusable(t *testing.T) {
	t.Parallel()
	mute := func(context.Context, *consumer.EventError) error { return nil }
	app := consumer.MustHandler(func() *hooks { return nil }, &consumer.Options{OnError: mute})
	consumertest.NewWebsocketCommunicator(t, app, "/").ExpectRefused(500)

	l := new(layer.Memory)
	h := (&hooks{}).handler(t, consumer.Options{Layer: l, Groups: []string{"g"}, OnError: mute})
	l.Close()
	consumertest.NewWebsocketCommunicator(t, h, "/").ExpectRefused(503)

	h = (&hooks{receive: func(context.Context, *hooks, consumer.Message) error { runtime.Goexit(); return nil }}).
		handler(t, consumer.Options{OnError: mute})
	c := consumertest.NewWebsocketCommunicator(t, h, "/")
	c.Connect()
	c.SendText("{}")
	c.ExpectClose(1011)
}

func TestKeepThatFails(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(){"panic": func() { panic("no") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			value := make(chan any, 1)
			h := (&hooks{disconnect: func(ctx context.Context, _ *hooks, _ consumer.StatusCode) error {
				value <- ctx.Value(userKey{})
				return nil
			}}).handler(t, consumer.Options{Keep: func(*http.Request) context.Context { fail(); return nil }})
			c := consumertest.NewWebsocketCommunicator(t, h, "/", &consumertest.Options{
				Context: func(ctx context.Context) context.Context { return context.WithValue(ctx, userKey{}, "of the request") },
			})
			c.Connect()
			c.ExpectClose(1011)
			if v := <-value; v != nil {
				t.Errorf("the request's values live on: %v", v)
			}
			c.Disconnect()
			waitFor(t, "the place", func() bool { return consumer.Admitted(h) == 0 })
		})
	}
}

// A layer that is down closes nothing, in Connect after Accept neither; and a
// client that makes it say so again and again does not fill the log.
func TestLayerErrorsCloseNothingAndLogOnce(t *testing.T) {
	t.Parallel()
	var out log
	h := (&hooks{
		connect: func(ctx context.Context, c *hooks) error { return errors.Join(c.Accept(ctx), layer.ErrUnavailable) },
		receive: func(context.Context, *hooks, consumer.Message) error { return layer.ErrFull },
		event:   func(context.Context, *hooks, layer.Envelope) error { return &consumer.DenyError{Status: 401} },
	}).handler(t, consumer.Options{FromClient: []string{"test.event"}, Logger: out.logger()})
	c := consumertest.NewWebsocketCommunicator(t, h, "/")
	c.Connect()
	for range 100 {
		c.SendText("{}")
	}
	waitFor(t, "all", func() bool { return h.Stats().Errors["layer"] == 101 })
	if n := strings.Count(out.String(), "level=WARN"); n != 1 {
		t.Errorf("%d warnings", n)
	}
	c.SendJSON(event(1)) // a refusal makes no sense any more: an error as any other
	c.ExpectClose(1011)
	if !strings.Contains(out.String(), "handler failed") || h.Stats().Errors["handler"] != 1 {
		t.Error("the late DenyError is not told of")
	}
}

// A client that leaves a Connect that has accepted and runs on is noticed.
func TestClientLeavesAfterAcceptInConnect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 1)
		h := (&hooks{connect: func(ctx context.Context, c *hooks) error {
			c.Accept(ctx)
			<-ctx.Done()
			ended <- context.Cause(ctx)
			return nil
		}, receive: func(context.Context, *hooks, consumer.Message) error {
			t.Error("handled after the end")
			return nil
		}}).handler(t, consumer.Options{})
		c := consumertest.NewWebsocketCommunicator(t, h, "/", &consumertest.Options{Timeout: time.Minute})
		c.Connect()
		c.SendText("{}")
		c.DisconnectCode(4005)
		var closed *consumer.CloseError
		if err := <-ended; !errors.As(err, &closed) || closed.Code != 4005 {
			t.Errorf("ended with %v", err)
		}
	})
}

// Messages that came while Connect ran on are handled after it, in order.
func TestMessagesDuringConnect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		h := (&hooks{connect: func(ctx context.Context, c *hooks) error {
			c.Accept(ctx)
			<-release
			return c.SendJSON(ctx, "connected")
		}, receive: func(ctx context.Context, c *hooks, msg consumer.Message) error { return c.SendJSON(ctx, msg) }}).
				handler(t, consumer.Options{})
		c := consumertest.NewWebsocketCommunicator(t, h, "/", &consumertest.Options{Timeout: time.Hour})
		c.Connect()
		for i := range 10 {
			c.SendJSON(consumer.Message{"n": i})
		}
		time.Sleep(10 * time.Minute) // in the bubble
		close(release)
		c.ExpectJSON("connected")
		for i := range 10 {
			c.ExpectJSON(consumer.Message{"n": i})
		}
		c.Disconnect()
	})
}

func TestOptionsAreCopied(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	groups := []string{"g"}
	h := (&hooks{}).handler(t, consumer.Options{Layer: l, Groups: groups})
	groups[0] = "changed"
	c := consumertest.NewWebsocketCommunicator(t, h, "/")
	c.Connect()
	groupSend(t, l, "g", event(1))
	c.ExpectJSON(event(1))
	c.Disconnect()
}

func TestRelayFaults(t *testing.T) {
	t.Parallel()
	_, err := consumer.NewHandler(func() *hooks { return new(hooks) }, &consumer.Options{Relay: map[string]consumer.Relay{
		"a.b": consumer.RelayMessage(), "a_b": consumer.RelayKey("x"), "test.event": consumer.RelayMessage(),
		"json": consumer.RelayKey(""), "text": consumer.RelayText(""), "binary": consumer.RelayBinary(""),
	}})
	for _, want := range []string{
		"is there twice", "its handler would never run", "Options.Relay needs Options.Layer",
		`the key of "json" is empty`, `the key of "text" is empty`, `the key of "binary" is empty`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if _, err := consumer.NewHandler(func() *hooks { return new(hooks) }, &consumer.Options{
		Layer: new(layer.Memory), FromClient: []string{"test.event"}, Relay: map[string]consumer.Relay{"test.event": consumer.RelayMessage()},
	}); err != nil {
		t.Errorf("a handler for clients and a relay for the layer: %v", err)
	}
}

// A field between hides Base's method, with the same signature even.
type sender struct{}

func (sender) Send(context.Context, consumer.Frame) error { return nil }

type deepBase struct{ hooksBase }

type hidden struct {
	deepBase
	sender
}

func TestFieldThatHidesABaseMethod(t *testing.T) {
	t.Parallel()
	_, err := consumer.NewHandler(func() *hidden { return new(hidden) }, nil)
	if err == nil || !strings.Contains(err.Error(), "Send hides the method of consumer.Base") {
		t.Errorf("error %v", err)
	}
}

// A worker's context ends with Run.
func TestWorkerContextEnds(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	ctxs := make(chan context.Context, 1)
	w, _ := worker(t, 1, l, new(log), func(ctx context.Context, _ *job, _ consumer.Message) error { ctxs <- ctx; return nil })
	stop := consumertest.RunWorker(t, w)
	if err := l.Send(t.Context(), "jobs", jobMessage("x")); err != nil {
		t.Fatal(err)
	}
	ctx := <-ctxs
	stop()
	<-ctx.Done()
}
