package main

import (
	"context"
	"net/url"

	"github.com/gochannels/channels/bench/internal/site"
	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
)

// member joins the groups that its URL names.
type member struct{ consumer.Base }

// Connect joins, then accepts.
func (c *member) Connect(ctx context.Context) error {
	for _, group := range groups(c.Scope().URL) {
		if err := c.GroupAdd(ctx, group); err != nil {
			return err
		}
	}
	return c.Accept(ctx)
}

func groups(u *url.URL) []string {
	if u.RawQuery == "" {
		return []string{site.Everyone}
	}
	return u.Query()["group"]
}

// relayConsumer has no handler of "chat.message", which is relayed.
type relayConsumer struct{ member }

// EchoMessage answers its client.
func (c *relayConsumer) EchoMessage(ctx context.Context, e layer.Envelope) error {
	return c.SendJSON(ctx, e)
}

// envelopeConsumer sends what was encoded once.
type envelopeConsumer struct{ member }

// ChatMessage handles what is broadcast.
func (c *envelopeConsumer) ChatMessage(ctx context.Context, e layer.Envelope) error {
	return c.SendJSON(ctx, e)
}

// EchoMessage answers its client.
func (c *envelopeConsumer) EchoMessage(ctx context.Context, e layer.Envelope) error {
	return c.SendJSON(ctx, e)
}

// structConsumer decodes and encodes for each member.
type structConsumer struct{ member }

type echo struct {
	Type string `json:"type"`
	Data string `json:"data"`
}

// ChatMessage handles what is broadcast.
func (c *structConsumer) ChatMessage(ctx context.Context, m site.Message) error {
	return c.SendJSON(ctx, m)
}

// EchoMessage answers its client.
func (c *structConsumer) EchoMessage(ctx context.Context, m echo) error {
	return c.SendJSON(ctx, m)
}

// messageConsumer is written as in the README's quickstart.
type messageConsumer struct{ member }

// ReceiveJSON answers its client.
func (c *messageConsumer) ReceiveJSON(ctx context.Context, m consumer.Message) error {
	if m.Type() != "echo.message" {
		return nil
	}
	return c.SendJSON(ctx, m)
}

// ChatMessage handles what is broadcast.
func (c *messageConsumer) ChatMessage(ctx context.Context, m consumer.Message) error {
	return c.SendJSON(ctx, m)
}

// binaryConsumer sends frames of bytes, and relays those that are broadcast.
type binaryConsumer struct{ member }

// Receive answers its client.
func (c *binaryConsumer) Receive(ctx context.Context, f consumer.Frame) error {
	return c.Send(ctx, f)
}
