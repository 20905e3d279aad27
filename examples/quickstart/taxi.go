package main

import (
	"context"

	"github.com/gochannels/channels/consumer"
)

// TaxiConsumer echoes what its client sends, and what is sent to the group "test".
type TaxiConsumer struct{ consumer.Base }

// Connect joins the group, then accepts.
func (c *TaxiConsumer) Connect(ctx context.Context) error {
	if err := c.GroupAdd(ctx, "test"); err != nil {
		return err
	}
	return c.Accept(ctx)
}

// ReceiveJSON takes the client's messages.
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

// NewTaxi makes the consumer of one connection.
func NewTaxi() *TaxiConsumer { return new(TaxiConsumer) }
