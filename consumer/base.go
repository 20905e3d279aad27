package consumer

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/gochannels/channels/layer"
)

// Base is what consumers embed. Its methods may be called from any goroutine
// once the consumer serves a connection. On a Base that serves none they
// return ErrNotConnected and zero values.
type Base struct{ p atomic.Pointer[session] }

func (b *Base) embedConsumerBase() *Base { return b }

func (b *Base) session() *session { return b.p.Load() }

// Connect accepts. It is the hook of a consumer that has none.
func (b *Base) Connect(context.Context) error { return nil }

// ReceiveJSON ignores the message, which is counted as ignored. It is the hook
// of a consumer that has none.
func (b *Base) ReceiveJSON(context.Context, Message) error {
	if s := b.session(); s != nil {
		s.count(dropIgnored)
		s.log(slog.LevelDebug, &EventError{Event: eventReceiveJSON, FromClient: true}, "consumer: message ignored: its type is not in Options.FromClient, and there is no ReceiveJSON")
	}
	return nil
}

// Disconnect does nothing. It is the hook of a consumer that has none.
func (b *Base) Disconnect(context.Context, StatusCode) error { return nil }

// AcceptOptions are the parts of the handshake's answer that Connect decides.
type AcceptOptions struct {
	// Subprotocol must be one that the client offers. If it is empty, the
	// first of Options.Subprotocols that the client offers is agreed on.
	Subprotocol string
	// Header is added to the answer, beside what middleware has set.
	Header http.Header
}

// Accept completes the handshake. It may be called in Connect only, once, with
// at most one AcceptOptions. What is sent before Connect returns goes out in
// order; what the client sends is handled after Connect has returned. It blocks
// until the answer is written, for WriteTimeout at most. After an error about opts
// or of ctx it may be called again; any other means that there will be no
// connection, as the client has left, ConnectTimeout has passed or Shutdown has
// begun: return it.
func (b *Base) Accept(ctx context.Context, opts ...AcceptOptions) error {
	s := b.session()
	if s == nil {
		return ErrNotConnected
	}
	return s.accept(ctx, opts)
}

// Close queues a close frame behind what is queued and returns. No handler
// starts after it, but for one that was just about to, and Disconnect is told
// the code. Before Accept it refuses the connection with 403. The code 0 is 1000;
// one that may not be sent is an error. The reason is cut to 123 bytes between
// runes. Closing again does nothing.
func (b *Base) Close(code StatusCode, reason string) error {
	s := b.session()
	if s == nil {
		return ErrNotConnected
	}
	return s.close(code, reason)
}

// SendJSON encodes v and queues it as a text frame. A Message keeps the
// difference between 1 and 1.0; a [layer.Envelope] is encoded once for all
// consumers that send it; anything else goes by encoding/json. It does not
// block: nil means queued. Errors: ctx's, looked at before queueing; the encoder's;
// ErrNotAccepted before Accept; after the close one that is a *CloseError for
// errors.As, with what happened to the socket behind it; ErrSlowClient
// when this very call closed a client that does not read; an error wrapping
// layer.ErrFull when Options.Slow is SlowDrop and the frame was dropped.
func (b *Base) SendJSON(ctx context.Context, v any) error {
	s := b.session()
	if s == nil {
		return ErrNotConnected
	}
	return s.sendJSON(ctx, v)
}

// Send queues a frame, with the errors of SendJSON. Text must be UTF-8. The
// data is copied.
func (b *Base) Send(ctx context.Context, f Frame) error {
	s := b.session()
	if s == nil {
		return ErrNotConnected
	}
	return s.send(ctx, f)
}

// GroupAdd joins a group. When it returns, a GroupSend begun afterwards
// anywhere will arrive. Groups are left by themselves at the end, after which its
// error is a *CloseError as SendJSON's. In a worker it is the worker's channel that
// joins, and stays.
func (b *Base) GroupAdd(ctx context.Context, group string) error {
	l, channel, err := b.channel()
	if err != nil {
		return err
	}
	err = l.GroupAdd(ctx, group, channel)
	if errors.Is(err, layer.ErrUnknownChannel) {
		if conn := b.session().conn.Load(); conn != nil && conn.End() != nil {
			return closeError(conn.End())
		}
	}
	return err
}

// GroupDiscard leaves a group. Leaving one that was not joined is no error.
func (b *Base) GroupDiscard(ctx context.Context, group string) error {
	l, channel, err := b.channel()
	if err != nil {
		return err
	}
	return l.GroupDiscard(ctx, group, channel)
}

// GroupSend sends a message to every member of a group, this consumer too if
// it is one.
func (b *Base) GroupSend(ctx context.Context, group string, msg Message) error {
	l, _, err := b.channel()
	if err != nil {
		return err
	}
	return l.GroupSend(ctx, group, msg)
}

// Scope returns what is known of the handshake, never nil for a consumer that
// serves a connection.
func (b *Base) Scope() *Scope {
	s := b.session()
	if s == nil {
		return nil
	}
	return s.scope
}

// Layer returns the channel layer, or nil.
func (b *Base) Layer() layer.ChannelLayer {
	s := b.session()
	if s == nil {
		return nil
	}
	return s.layer
}

// ChannelName returns the name by which Layer().Send reaches this consumer
// alone, or "" without a layer. It is as secret as the consumer's messages:
// don't show it to clients. In a worker it is the worker's channel.
func (b *Base) ChannelName() string {
	s := b.session()
	if s == nil {
		return ""
	}
	return s.channel
}

// Subprotocol returns the subprotocol agreed on, or "".
func (b *Base) Subprotocol() string {
	s := b.session()
	if s == nil {
		return ""
	}
	return s.subprotocol()
}

func (b *Base) channel() (layer.ChannelLayer, string, error) {
	s := b.session()
	switch {
	case s == nil:
		return nil, "", ErrNotConnected
	case s.layer == nil:
		return nil, "", ErrNoLayer
	}
	return s.layer, s.channel, nil
}
