package consumer_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/testing/consumertest"
)

type faulty struct {
	consumer.Base
	Mixin
	sync.Mutex // promotes methods that are no handlers
}

type Mixin struct{}

func (Mixin) FromAField(context.Context, consumer.Message) error { return nil }

func (c *faulty) NoError(context.Context, consumer.Message)        {}
func (c *faulty) NoMessage(context.Context) error                  { return nil }
func (c *faulty) Pointer(context.Context, *Echo) error             { return nil }
func (c *faulty) Two(context.Context, consumer.Message, int) error { return nil }

//lint:ignore ST1003 The name is the fault.
func (c *faulty) Under_score(context.Context, consumer.Message) error { return nil }
func (c *faulty) Naïve(context.Context, consumer.Message) error       { return nil }
func (c *faulty) Many(context.Context, ...layer.Envelope) error       { return nil }
func (c *faulty) Send(context.Context, consumer.Frame) error          { return nil }
func (c *faulty) Scope() *consumer.Scope                              { return nil }
func (c *faulty) Receive(context.Context, string) error               { return nil }
func (c *faulty) Gap(context.Context) error                           { return nil }
func (c *faulty) Fine(context.Context, consumer.Message) error        { return nil }
func (c *faulty) Helper(int) error                                    { return nil }
func (c *faulty) NoContext(consumer.Message) error                    { return nil }

//lint:ignore ST1003 The name is the fault.
func (c *faulty) ReceiveJson(context.Context, consumer.Message) error              { return nil }
func (c *faulty) GroupADD() error                                                  { return nil }
func (c *faulty) UserHTTP(context.Context, consumer.Message) error                 { return nil }
func (c *faulty) unexported(ctx context.Context, m consumer.Message) (bool, error) { return false, nil }

func TestAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	(&faulty{}).unexported(t.Context(), nil)
	_, err := consumer.NewHandler(func() *faulty { return new(faulty) }, &consumer.Options{
		Groups:     []string{"no layer"},
		FromClient: []string{"fine", "nobody.handles", "user.http"},
		Types:      map[string]string{"chat": "Missing", "_x": "Fine", "websocket.x": "Fine", "": "Fine"},
		Relay:      map[string]consumer.Relay{".x": consumer.RelayMessage()},
		Origins:    []string{"http://", "a b", "https://ok.example", "https://path.example/"},
		ReadLimit:  -1, QueueBytes: -1, PingInterval: -1, MaxConnections: -1, Slow: 7,
		Subprotocols: []string{"a,b"},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"FromAField is promoted from the embedded field Mixin",
		"NoError has the signature func(context.Context, layer.Message) ()",
		"NoMessage has the signature func(context.Context) (error)",
		"Pointer takes *consumer_test.Echo",
		"Two has the signature",
		"Under_score has a name that no message type maps to",
		"Naïve has a name that no message type maps to",
		"Many has the signature",
		"Send hides the method of consumer.Base",
		"Scope hides the method of consumer.Base",
		"Receive is a hook: func(context.Context, consumer.Frame) error",
		"Gap is a hook: func(context.Context, layer.Gap) error",
		`Options.FromClient: no method handles "nobody.handles"`,
		`Options.Types: "chat" maps to "Missing"`,
		`the message type "_x" begins with`,
		`the message type "websocket.x" is reserved`,
		`the message type "" is empty`,
		`Options.Relay: the message type ".x" begins with`,
		"NoContext has the signature func(layer.Message) (error)",
		"ReceiveJson differs from ReceiveJSON in case",
		"GroupADD differs from GroupAdd in case",
		`no method handles "user.http": there is a method for "user.h.t.t.p"`,
		`Options.Origins: "http://"`,
		`Options.Origins: "a b"`,
		`Options.Origins: "https://path.example/" has a path`,
		"Options.Groups needs Options.Layer",
		"Options.Groups: group: ",
		"Options.ReadLimit: -1 is negative",
		"Options.QueueBytes: -1 is negative",
		"Options.PingInterval: -1ns is negative",
		"Options.MaxConnections: -1 is negative",
		"Options.Slow: 7 is no policy",
		`Options.Subprotocols: "a,b" is not a token`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q", want)
		}
	}
	for _, never := range []string{"Fine has", "Helper", "unexported", "Lock", "ok.example"} {
		if strings.Contains(err.Error(), never) {
			t.Errorf("the error mentions %q", never)
		}
	}
	if t.Failed() {
		t.Log(err)
	}
}

type twice struct{ consumer.Base }

func (c *twice) EchoMessage(context.Context, consumer.Message) error { return nil }
func (c *twice) Other(context.Context, consumer.Message) error       { return nil }

func TestTwoMethodsForOneType(t *testing.T) {
	t.Parallel()
	_, err := consumer.NewHandler(func() *twice { return new(twice) }, &consumer.Options{
		Types: map[string]string{"echo_message": "Other"},
	})
	if err == nil || !strings.Contains(err.Error(), `both handle "echo.message"`) {
		t.Errorf("error %v", err)
	}
}

func TestMustHandlerPanics(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	consumer.MustHandler(NewTaxi, &consumer.Options{ReadLimit: -1})
}

// shared is a base of a team's own: its hooks are inherited, and its handlers
// where Options.Types names them.
type shared struct{ consumer.Base }

func (s *shared) Connect(ctx context.Context) error { return s.GroupAdd(ctx, "shared") }

func (s *shared) Notice(ctx context.Context, msg consumer.Message) error { return s.SendJSON(ctx, msg) }

type inheriting struct{ shared }

// byValue has a method with a value receiver, and a base by pointer.
type byValue struct{ *hooksBase }

type hooksBase struct{ consumer.Base }

func (c byValue) EchoMessage(ctx context.Context, msg Echo) error { return c.SendJSON(ctx, msg) }

func TestInheritedAndMappedHandlers(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	if _, err := consumer.NewHandler(func() *inheriting { return new(inheriting) }, &consumer.Options{Layer: l}); err == nil ||
		!strings.Contains(err.Error(), "Notice is promoted from the embedded field shared") {
		t.Errorf("error %v", err)
	}
	app := consumer.MustHandler(func() *inheriting { return new(inheriting) }, &consumer.Options{
		Layer: l, Types: map[string]string{"user.2fa": "Notice", "chatMessage": "Notice"},
	})
	c := consumertest.NewWebsocketCommunicator(t, app, "/")
	c.Connect()
	for _, typ := range []string{"user.2fa", "user_2fa", "chatMessage"} {
		groupSend(t, l, "shared", consumer.Message{"type": typ})
		c.ExpectJSON(consumer.Message{"type": typ})
	}
	c.Disconnect()

	c = consumertest.NewWebsocketCommunicator(t, consumer.MustHandler(func() *byValue { return &byValue{new(hooksBase)} },
		&consumer.Options{FromClient: []string{"echo.message"}}), "/")
	c.Connect()
	c.SendJSON(message)
	c.ExpectJSON(message)
	c.Disconnect()
}

// No message reaches a hook or a method of Base, whatever its type and side.
func TestNoTypeReachesHooks(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	calls := make(chan string, 100)
	h := &hooks{
		receive: func(ctx context.Context, c *hooks, msg consumer.Message) error { return c.SendJSON(ctx, "received") },
		disconnect: func(context.Context, *hooks, consumer.StatusCode) error {
			calls <- "disconnect"
			return nil
		},
	}
	app := h.handler(t, consumer.Options{Layer: l, Groups: []string{"g"}})
	c := consumertest.NewWebsocketCommunicator(t, app, "/")
	c.Connect()
	types := []string{
		"close", "connect", "disconnect", "receive", "receive.json", "receive_json", "receive.j.s.o.n", "accept", "send", "send.json",
		"group.add", "group.discard", "group.send", "scope", "layer", "channel.name", "subprotocol", "base", "_x", ".x", "test", "event",
		"websocket.connect", "Test.Event", "TestEvent", "test..event", "test-event", "test.event.", "__test.event", "gap",
	}
	for _, typ := range types {
		if err := l.GroupSend(t.Context(), "g", consumer.Message{"type": typ}); err != nil {
			t.Errorf("type %q: %v", typ, err)
		}
		c.SendJSON(consumer.Message{"type": typ})
		c.ExpectJSON("received")
	}
	c.SendText(`{"type":"` + strings.Repeat("a", 60000) + `"}`)
	c.ExpectJSON("received")
	c.SendText(`{"no":"type"}`)
	c.ExpectJSON("received")
	waitFor(t, "the layer's messages to be dropped", func() bool {
		return app.Stats().Dropped["unknown_type"] == int64(len(types))
	})
	groupSend(t, l, "g", consumer.Message{"type": "test_event"})
	c.ExpectJSON(consumer.Message{"type": "test_event"})
	c.ExpectNothing()
	if len(calls) > 0 {
		t.Error("Disconnect ran")
	}
	c.Disconnect()
}
