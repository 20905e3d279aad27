package consumertest

import (
	"context"
	"errors"
	"fmt"

	"github.com/gochannels/channels/consumer"
)

// Receive returns the next message. It blocks until there is one, ctx is done,
// or the connection has ended: then it returns a *consumer.CloseError, with
// code 1006 if there was no close frame, or says how the server broke the
// protocol. A message that is not received because
// ctx was done stays in the queue. Receive never fails the test; it may be
// called from any goroutine, and concurrently: each message goes to one caller.
func (c *WebsocketCommunicator) Receive(ctx context.Context) (consumer.Frame, error) {
	cl := c.connected()
	if cl == nil {
		return consumer.Frame{}, errNotConnected
	}
	return cl.inbox.receive(ctx)
}

// next receives for op, which wants want.
func (c *WebsocketCommunicator) next(op, want string) (consumer.Frame, bool) {
	c.t.Helper()
	f, err := c.receive()
	switch {
	case err == nil:
		return f, true
	case errors.Is(err, context.DeadlineExceeded):
		c.fatal(op, "want %s, got nothing within %v", want, c.timeout)
	default:
		c.fatal(op, "want %s, but %s", want, describeEnd(err))
	}
	return f, false
}

func (c *WebsocketCommunicator) receive() (consumer.Frame, error) {
	ctx, cancel := c.deadline()
	defer cancel()
	return c.Receive(ctx)
}

func describeEnd(err error) string {
	closed := (*consumer.CloseError)(nil)
	switch {
	case !errors.As(err, &closed):
		return err.Error()
	case closed.Code == consumer.StatusAbnormalClosure:
		return "the connection was cut without a close frame (1006)"
	case closed.Code == consumer.StatusNoStatus:
		return "the connection was closed without a code (1005)"
	case closed.Reason == "":
		return fmt.Sprintf("the connection was closed with %d", closed.Code)
	}
	return fmt.Sprintf("the connection was closed with %d %q", closed.Code, closed.Reason)
}

func describe(f consumer.Frame) string {
	if f.Binary {
		return fmt.Sprintf("a binary frame of %d bytes, %x", len(f.Data), cut(f.Data))
	}
	return fmt.Sprintf("a text frame of %d bytes, %q", len(f.Data), cut(f.Data))
}

// cut keeps a failure's text readable.
func cut(b []byte) []byte {
	const most = 1000
	if len(b) > most {
		return append(b[:most:most], "..."...)
	}
	return b
}
