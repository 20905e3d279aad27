package consumer_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/testing/consumertest"
)

// The user's code that the design begins with, as it stands.

type TaxiConsumer struct{ consumer.Base }

func NewTaxi() *TaxiConsumer { return new(TaxiConsumer) }

func (c *TaxiConsumer) Connect(ctx context.Context) error {
	if err := c.GroupAdd(ctx, "test"); err != nil {
		return err
	}
	return c.Accept(ctx)
}

func (c *TaxiConsumer) ReceiveJSON(ctx context.Context, msg consumer.Message) error {
	switch msg.Type() {
	case "echo.message":
		return c.SendJSON(ctx, msg)
	}
	return nil
}

// EchoMessage handles "echo.message" from the channel layer.
func (c *TaxiConsumer) EchoMessage(ctx context.Context, msg consumer.Message) error {
	return c.SendJSON(ctx, msg)
}

var message = consumer.Message{"type": "echo.message", "data": "This is a test message."}

func newApp(l layer.ChannelLayer) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/taxi/", consumer.MustHandler(NewTaxi, &consumer.Options{Layer: l}))
	return mux
}

func TestSendAndReceive(t *testing.T) {
	t.Parallel()
	rider := consumertest.NewWebsocketCommunicator(t, newApp(new(layer.Memory)), "/taxi/")
	rider.Connect()
	rider.SendJSON(message)
	rider.ExpectJSON(message)
	rider.Disconnect()
}

func TestBroadcast(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	rider := consumertest.NewWebsocketCommunicator(t, newApp(l), "/taxi/")
	rider.Connect()
	if err := l.GroupSend(t.Context(), "test", message); err != nil {
		t.Fatal(err)
	}
	rider.ExpectJSON(message)
	rider.Disconnect()
}

type Echo struct {
	Type string `json:"type"`
	Data string `json:"data"`
}

type EchoConsumer struct{ consumer.Base }

func NewEcho() *EchoConsumer { return new(EchoConsumer) }

func (c *EchoConsumer) EchoMessage(ctx context.Context, msg Echo) error { return c.SendJSON(ctx, msg) }

// The whole echo consumer is one typed method plus options.
func TestTypedEcho(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	app := consumer.MustHandler(NewEcho, &consumer.Options{Layer: l, Groups: []string{"test"}, FromClient: []string{"echo.message"}})
	c := consumertest.NewWebsocketCommunicator(t, app, "/")
	c.Connect()
	c.SendJSON(message)
	c.ExpectJSON(message)
	if err := l.GroupSend(t.Context(), "test", message); err != nil {
		t.Fatal(err)
	}
	c.ExpectJSON(message)
	c.Disconnect()
}
