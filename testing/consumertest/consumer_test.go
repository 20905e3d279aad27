package consumertest_test

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/testing/consumertest"
)

// taxi is the consumer of the package's documentation, and tells how it ended.
type taxi struct {
	consumer.Base
	ended func(consumer.StatusCode)
}

type userKey struct{}

func (c *taxi) Connect(ctx context.Context) error {
	switch ctx.Value(userKey{}) {
	case nil:
		return nil
	case "banned":
		return &consumer.DenyError{Status: http.StatusPaymentRequired, Header: http.Header{"X-Debt": {"7"}}, Body: []byte("pay first")}
	}
	return c.Accept(ctx)
}

func (c *taxi) ReceiveJSON(ctx context.Context, msg consumer.Message) error {
	switch msg.Type() {
	case "close":
		return &consumer.CloseError{Code: 4001, Reason: "as you wish"}
	case "panic":
		panic("oh dear")
	}
	return c.SendJSON(ctx, msg)
}

func (c *taxi) EchoMessage(ctx context.Context, msg consumer.Message) error {
	return c.SendJSON(ctx, msg)
}

func (c *taxi) Disconnect(_ context.Context, code consumer.StatusCode) error {
	if c.ended != nil {
		c.ended(code)
	}
	return nil
}

func newTaxis(l layer.ChannelLayer, ended func(consumer.StatusCode)) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/taxi/", consumer.MustHandler(func() *taxi { return &taxi{ended: ended} }, &consumer.Options{
		Layer: l, Groups: []string{"test"}, Subprotocols: []string{"taxi.v1"}, Logger: slog.New(slog.DiscardHandler),
	}))
	return mux
}

func as(user string) *consumertest.Options {
	return &consumertest.Options{Context: func(ctx context.Context) context.Context {
		return context.WithValue(ctx, userKey{}, user)
	}}
}

func TestConsumer(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	message := consumer.Message{"type": "echo.message", "data": "This is a test message."}
	var ends []consumer.StatusCode // no lock: Disconnect has returned when the communicator's does
	app := newTaxis(l, func(code consumer.StatusCode) { ends = append(ends, code) })

	rider := consumertest.NewWebsocketCommunicator(t, app, "/taxi/", &consumertest.Options{Subprotocols: []string{"x", "taxi.v1"}})
	rider.Connect()
	if got := rider.Subprotocol(); got != "taxi.v1" {
		t.Errorf("subprotocol %q", got)
	}
	rider.SendJSON(message)
	rider.ExpectJSON(message)
	if err := l.GroupSend(t.Context(), "test", message); err != nil {
		t.Fatal(err)
	}
	rider.ExpectJSON(message)
	rider.ExpectNothing(time.Millisecond)
	rider.Disconnect()

	driver := consumertest.NewWebsocketCommunicator(t, app, "/taxi/", as("ada"))
	driver.Connect()
	driver.DisconnectCode(4321, "off duty")

	empty := consumertest.NewWebsocketCommunicator(t, app, "/taxi/")
	empty.Connect()
	empty.DisconnectCode(consumer.StatusNoStatus)

	lost := consumertest.NewWebsocketCommunicator(t, app, "/taxi/")
	lost.Connect()
	lost.CloseNow()

	closed := consumertest.NewWebsocketCommunicator(t, app, "/taxi/")
	closed.Connect()
	closed.SendJSON(consumer.Message{"type": "close"})
	closed.ExpectClose(4001, "as you wish")
	closed.Disconnect()

	want := []consumer.StatusCode{1000, 4321, 1005, 1006, 4001}
	if len(ends) != len(want) {
		t.Fatalf("Disconnect got the codes %v, want %v", ends, want)
	}
	for i := range want {
		if ends[i] != want[i] {
			t.Errorf("Disconnect got the codes %v, want %v", ends, want)
		}
	}
}

func TestConsumerRefuses(t *testing.T) {
	t.Parallel()
	app := newTaxis(new(layer.Memory), nil)
	res := consumertest.NewWebsocketCommunicator(t, app, "/taxi/", as("banned")).ExpectRefused(http.StatusPaymentRequired)
	if got := readAll(t, res.Body); got != "pay first" || res.Header.Get("X-Debt") != "7" {
		t.Errorf("got %q and %v", got, res.Header)
	}
	consumertest.NewWebsocketCommunicator(t, app, "/nowhere/").ExpectRefused(http.StatusNotFound)
	consumertest.NewWebsocketCommunicator(t, app, "/taxi/", &consumertest.Options{
		Header: http.Header{"Origin": {"http://evil.test"}},
	}).ExpectRefused(http.StatusForbidden)
}

func TestConsumerInABubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ended := false
		c := consumertest.NewWebsocketCommunicator(t, newTaxis(new(layer.Memory), func(consumer.StatusCode) {
			time.Sleep(4 * time.Second) // in the bubble
			ended = true
		}), "/taxi/")
		c.Connect()
		c.ExpectNothing(time.Hour) // pings are answered
		c.SendJSON(consumer.Message{"type": "echo.message"})
		c.ExpectJSON(consumer.Message{"type": "echo.message"})
		c.Disconnect()
		if !ended {
			t.Error("Disconnect returned before the consumer's had")
		}
		cut := consumertest.NewWebsocketCommunicator(t, newTaxis(new(layer.Memory), nil), "/taxi/")
		cut.Connect() // and left open: the end of the test is its end
	})
}

func TestConsumerThatDoesNotEndFailsTest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		block := make(chan struct{})
		app := newTaxis(new(layer.Memory), func(consumer.StatusCode) { <-block })
		r := &recorder{TB: t}
		c := consumertest.NewWebsocketCommunicator(r, app, "/taxi/")
		wantFailure(t, r.run(func() {
			c.Connect()
			c.Disconnect()
		}), "/taxi/: Disconnect: the consumer has not ended", "within 6s", "consumer_test.go")
		wantNoFailure(t, r.end()) // told once

		other := &recorder{TB: t}
		other.run(func() { consumertest.NewWebsocketCommunicator(other, app, "/taxi/").Connect() })
		wantFailure(t, other.end(), "/taxi/: the test has ended, but the consumer has not ended")
		close(block)
	})
}

// Fails as a user's test would, and harms nothing.
func TestConsumerErrorsAreShown(t *testing.T) {
	t.Parallel()
	r := &recorder{TB: t}
	wantFailure(t, r.run(func() {
		c := consumertest.NewWebsocketCommunicator(r, newTaxis(new(layer.Memory), nil), "/taxi/")
		c.Connect()
		c.SendJSON(consumer.Message{"type": "panic"})
		c.ExpectJSON(1)
	}), "/taxi/: ExpectJSON: want JSON, but the connection was closed with 1011")
	wantNoFailure(t, r.end())
}

func TestConsumerBurst(t *testing.T) {
	t.Parallel()
	const n = 5_000
	l := &layer.Memory{Capacity: n}
	app := consumer.MustHandler(func() *taxi { return new(taxi) }, &consumer.Options{Layer: l, Groups: []string{"test"}, QueueBytes: 64 << 20})
	c := consumertest.NewWebsocketCommunicator(t, app, "/", &consumertest.Options{Timeout: time.Minute})
	c.Connect()
	for i := range n {
		if err := l.GroupSend(t.Context(), "test", consumer.Message{"type": "echo.message", "i": i}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		c.ExpectJSON(consumer.Message{"type": "echo.message", "i": i})
	}
	c.Disconnect()
}
