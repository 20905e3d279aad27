package consumer_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/testing/consumertest"
)

// Hooks and handlers of one consumer never overlap, whatever comes at once.
func TestOneAtATime(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	var inside, handled atomic.Int32
	enter := func() error {
		if inside.Add(1) != 1 {
			t.Error("two handlers at once")
		}
		handled.Add(1)
		inside.Add(-1)
		return nil
	}
	h := &hooks{
		connect:    func(context.Context, *hooks) error { return enter() },
		receive:    func(context.Context, *hooks, consumer.Message) error { return enter() },
		event:      func(context.Context, *hooks, layer.Envelope) error { return enter() },
		disconnect: func(context.Context, *hooks, consumer.StatusCode) error { return enter() },
	}
	c := consumertest.NewWebsocketCommunicator(t, h.handler(t, consumer.Options{Layer: l, Groups: []string{"g"}}), "/")
	c.Connect()
	const n = 500
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range n {
			groupSend(t, l, "g", event(i))
		}
	}()
	for range n {
		c.SendText("{}")
	}
	<-done
	waitFor(t, "all messages", func() bool { return handled.Load() == 2*n+1 })
	c.Disconnect()
	if got := handled.Load(); got != 2*n+2 {
		t.Errorf("%d hooks and handlers ran", got)
	}
}

// A busy group can't starve the client's frames: at most 16 messages go first.
func TestBusyGroupDoesNotStarveTheClient(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	began, goOn := make(chan struct{}, 1), make(chan struct{})
	var events atomic.Int32
	after := make(chan int32, 1)
	h := &hooks{
		event: func(_ context.Context, c *hooks, _ layer.Envelope) error {
			if events.Add(1) == 1 {
				began <- struct{}{}
				<-goOn
			}
			return c.Layer().GroupSend(context.Background(), "g", event(0)) // for ever
		},
		receive: func(_ context.Context, c *hooks, _ consumer.Message) error {
			after <- events.Load()
			return consumer.ErrStop
		},
	}
	app := h.handler(t, consumer.Options{Layer: l, Groups: []string{"g"}})
	c := consumertest.NewWebsocketCommunicator(t, app, "/")
	c.Connect()
	groupSend(t, l, "g", event(0))
	<-began
	c.SendText("{}")
	waitFor(t, "the frame to be read", func() bool { return app.Stats().Received == 0 && consumer.Waiting(app) == 2 })
	close(goOn)
	if n := <-after; n > 16 {
		t.Errorf("%d messages went first", n)
	}
	c.ExpectClose(1000)
}

// When the connection ends its groups are left and its context is cancelled at
// once, though a handler ignores that. Disconnect waits for the handler.
func TestHandlerThatIgnoresItsContext(t *testing.T) {
	t.Parallel()
	for _, side := range []string{"client", "layer"} {
		for _, end := range []string{"client closes", "client vanishes", "Close"} {
			t.Run(side+"/"+end, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					var out log
					l := new(layer.Memory)
					in, release := make(chan *hooks, 1), make(chan struct{})
					cancelled := make(chan struct{})
					stuck := func(ctx context.Context, c *hooks) error {
						context.AfterFunc(ctx, func() { close(cancelled) })
						in <- c
						<-release
						return nil
					}
					disconnected := false
					h := &hooks{
						receive: func(ctx context.Context, c *hooks, _ consumer.Message) error { return stuck(ctx, c) },
						event:   func(ctx context.Context, c *hooks, _ layer.Envelope) error { return stuck(ctx, c) },
						disconnect: func(context.Context, *hooks, consumer.StatusCode) error {
							disconnected = true
							return nil
						},
					}
					app := h.handler(t, consumer.Options{Layer: l, Groups: []string{"g"}, Logger: out.logger()})
					c := consumertest.NewWebsocketCommunicator(t, app, "/", &consumertest.Options{Timeout: time.Minute})
					c.Connect()
					if side == "client" {
						c.SendText("{}")
					} else {
						groupSend(t, l, "g", event(1))
					}
					taken := <-in
					start := time.Now()
					ended := make(chan struct{})
					go func() {
						defer close(ended)
						switch end {
						case "client closes":
							c.Disconnect()
						case "client vanishes":
							c.CloseNow()
						case "Close":
							taken.Close(4000, "")
						}
					}()
					<-cancelled
					if d := time.Since(start); d > time.Second {
						t.Errorf("noticed after %v", d)
					}
					synctest.Wait()
					if s := l.Stats(); s.Memberships != 0 || s.Channels != 0 {
						t.Errorf("%d memberships, %d channels", s.Memberships, s.Channels)
					}
					time.Sleep(15 * time.Second) // beyond HandlerTimeout, in the bubble
					if disconnected {
						t.Error("Disconnect ran beside a handler")
					}
					if app.Stats().Stuck != 1 || !strings.Contains(out.String(), "consumer=*consumer_test.hooks") {
						t.Errorf("the stuck handler is not told of: %s", out.String())
					}
					close(release)
					if end == "Close" {
						c.ExpectClose(4000)
					}
					<-ended
					synctest.Wait()
					if !disconnected {
						t.Error("Disconnect did not run")
					}
				})
			})
		}
	}
}

// While a handler runs pings are answered, messages are kept in order, and the
// client is not cut off for being quiet.
func TestBusyConsumerIsNotCutOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		in, release := make(chan struct{}), make(chan struct{})
		n := 0
		h := &hooks{receive: func(ctx context.Context, c *hooks, msg consumer.Message) error {
			if n++; n == 1 {
				close(in)
				<-release
			}
			return c.SendJSON(ctx, msg)
		}}
		app := h.handler(t, consumer.Options{PingInterval: 10 * time.Second, PingTimeout: 5 * time.Second})
		c := consumertest.NewWebsocketCommunicator(t, app, "/", &consumertest.Options{Timeout: time.Hour})
		c.Connect()
		for i := range 100 {
			c.SendJSON(consumer.Message{"n": i, "fill": strings.Repeat("x", 2000)})
		}
		<-in
		time.Sleep(10 * time.Minute) // in the bubble
		close(release)
		for i := range 100 {
			c.ExpectJSON(consumer.Message{"n": i, "fill": strings.Repeat("x", 2000)})
		}
		c.SendJSON(consumer.Message{"n": "after"})
		c.ExpectJSON(consumer.Message{"n": "after"})
		c.Disconnect()
	})
}

// A relayed message keeps its place among the handled ones.
func TestRelayedNeverOvertakesHandled(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	h := &hooks{event: func(ctx context.Context, c *hooks, e layer.Envelope) error { return c.SendJSON(ctx, e) }}
	app := h.handler(t, consumer.Options{Layer: l, Groups: []string{"g"}, Relay: map[string]consumer.Relay{"fast": consumer.RelayMessage()}})
	c := consumertest.NewWebsocketCommunicator(t, app, "/")
	c.Connect()
	const n = 3000
	for i := range n {
		typ := "fast"
		if i%3 == 0 {
			typ = "test.event"
		}
		groupSend(t, l, "g", consumer.Message{"type": typ, "n": i})
		if i%100 == 99 { // the mailbox holds a thousand
			waitFor(t, "messages", func() bool { return app.Stats().Sent >= int64(i-500) })
		}
	}
	for i := range n {
		var msg consumer.Message
		c.ReceiveJSON(&msg)
		if msg["n"] != int64(i) {
			t.Fatalf("got %v, want %d", msg, i)
		}
	}
	c.Disconnect()
	if s := app.Stats(); s.Relayed != n*2/3 || s.Sent != n {
		t.Errorf("%d relayed of %d", s.Relayed, s.Sent)
	}
}

// Messages that arrive during Connect wait, those of Relay too.
func TestNothingIsRelayedBeforeConnectReturned(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	h := &hooks{connect: func(ctx context.Context, c *hooks) error {
		for i := range 3 {
			groupSend(t, l, "g", consumer.Message{"type": "fast", "n": i})
			groupSend(t, l, "g", event(i))
		}
		c.Accept(ctx)
		return c.SendJSON(ctx, "first")
	}}
	app := h.handler(t, consumer.Options{Layer: l, Groups: []string{"g"}, Relay: map[string]consumer.Relay{"fast": consumer.RelayMessage()}})
	c := consumertest.NewWebsocketCommunicator(t, app, "/")
	c.Connect()
	c.ExpectJSON("first")
	for i := range 3 {
		c.ExpectJSON(consumer.Message{"type": "fast", "n": i})
		c.ExpectJSON(event(i))
	}
	c.Disconnect()
}

func TestRelayForms(t *testing.T) {
	t.Parallel()
	var out log
	l := new(layer.Memory)
	app := (&hooks{}).handler(t, consumer.Options{Layer: l, Groups: []string{"g"}, Logger: out.logger(), Relay: map[string]consumer.Relay{
		"whole": consumer.RelayMessage(), "one_key": consumer.RelayKey("value"), "text": consumer.RelayText("message"),
		"bytes": consumer.RelayBinary("data"),
	}})
	c := consumertest.NewWebsocketCommunicator(t, app, "/")
	c.Connect()
	groupSend(t, l, "g", consumer.Message{"type": "whole", "x": 1.0})
	c.ExpectText(`{"type":"whole","x":1.0}`)
	groupSend(t, l, "g", consumer.Message{"type": "one.key", "value": []any{1, "<&>", nil}})
	c.ExpectText(`[1,"<&>",null]`)
	groupSend(t, l, "g", consumer.Message{"type": "text", "message": `{"already": "json"}`})
	c.ExpectText(`{"already": "json"}`)
	groupSend(t, l, "g", consumer.Message{"type": "bytes", "data": []byte{0, 0xff}})
	c.ExpectBinary([]byte{0, 0xff})
	for _, bad := range []consumer.Message{{"type": "one_key"}, {"type": "text", "message": 5}, {"type": "text"}, {"type": "bytes", "data": "text"}} {
		groupSend(t, l, "g", bad)
	}
	groupSend(t, l, "g", event(1))
	c.ExpectJSON(event(1))
	c.Disconnect()
	if n := app.Stats().Dropped["undecodable"]; n != 4 {
		t.Errorf("%d counted, want 4", n)
	}
	if n := strings.Count(out.String(), "can't be relayed"); n != 4 {
		t.Errorf("%d lines in the log, want 4: %s", n, out.String())
	}
}

// What is relayed is made once for all connections: a fault in it is logged
// once, and counted for each.
func TestRelayEncodesOnce(t *testing.T) {
	t.Parallel()
	var out log
	l := new(layer.Memory)
	app := (&hooks{}).handler(t, consumer.Options{
		Layer: l, Groups: []string{"g"}, Relay: map[string]consumer.Relay{"text": consumer.RelayText("missing")}, Logger: out.logger(),
	})
	for range 20 {
		consumertest.NewWebsocketCommunicator(t, app, "/").Connect()
	}
	waitFor(t, "all to be open", func() bool { return app.Stats().Open == 20 })
	groupSend(t, l, "g", consumer.Message{"type": "text"})
	waitFor(t, "all to be counted", func() bool { return app.Stats().Dropped["undecodable"] == 20 })
	if n := strings.Count(out.String(), "can't be relayed"); n != 1 {
		t.Errorf("made %d times", n)
	}
}

// FromClient tells which side a message came from.
func TestFromClient(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	h := &hooks{
		event: func(ctx context.Context, c *hooks, _ layer.Envelope) error {
			return c.SendJSON(ctx, fmt.Sprint("event ", consumer.FromClient(ctx)))
		},
		receive: func(ctx context.Context, c *hooks, _ consumer.Message) error {
			return c.SendJSON(ctx, fmt.Sprint("receive ", consumer.FromClient(ctx)))
		},
	}
	c := consumertest.NewWebsocketCommunicator(t, h.handler(t, consumer.Options{Layer: l, Groups: []string{"g"}, FromClient: []string{"test.event"}}), "/")
	c.Connect()
	c.SendJSON(event(1))
	c.ExpectJSON("event true")
	c.SendText("{}")
	c.ExpectJSON("receive true")
	groupSend(t, l, "g", event(1))
	c.ExpectJSON("event false")
	c.Disconnect()
}

// What a handler gets is its own: what it keeps does not change with the next
// message.
func TestMessagesMayBeKept(t *testing.T) {
	t.Parallel()
	var kept []consumer.Message
	var envelopes []layer.Envelope
	h := &hooks{
		receive: func(ctx context.Context, c *hooks, msg consumer.Message) error {
			kept = append(kept, msg)
			return c.SendJSON(ctx, msg)
		},
		event: func(ctx context.Context, c *hooks, e layer.Envelope) error {
			envelopes = append(envelopes, e)
			return c.SendJSON(ctx, e)
		},
	}
	c := consumertest.NewWebsocketCommunicator(t, h.handler(t, consumer.Options{}), "/")
	c.Connect()
	d := consumertest.NewWebsocketCommunicator(t, h.handler(t, consumer.Options{FromClient: []string{"test.event"}}), "/")
	d.Connect()
	for _, word := range []string{"one", "two", "six"} {
		c.SendJSON(consumer.Message{"word": word})
		c.ExpectJSON(consumer.Message{"word": word})
		d.SendJSON(consumer.Message{"type": "test.event", "word": word})
		d.ExpectJSON(consumer.Message{"type": "test.event", "word": word})
	}
	c.Disconnect()
	d.Disconnect()
	for i, word := range []string{"one", "two", "six"} {
		if got := kept[i]["word"]; got != word {
			t.Errorf("message %d says %q, want %q", i, got, word)
		}
		msg, err := envelopes[i].Message()
		if err != nil || msg["word"] != word || envelopes[i].Type() != "test.event" {
			t.Errorf("envelope %d says %v, %v; want %q", i, msg, err, word)
		}
	}
}
