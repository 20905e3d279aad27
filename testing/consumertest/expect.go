package consumertest

import (
	"context"
	"errors"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/consumer"
)

// ExpectText receives a message and fails the test unless it is this text.
func (c *WebsocketCommunicator) ExpectText(want string) {
	c.t.Helper()
	f, ok := c.next("ExpectText", "a text frame")
	switch {
	case !ok:
	case f.Binary:
		c.fatal("ExpectText", "want a text frame, got %s", describe(f))
	default:
		if diff := cmp.Diff(want, string(f.Data)); diff != "" {
			c.fatal("ExpectText", "mismatch (-want +got):\n%s", diff)
		}
	}
}

// ExpectBinary receives a message and fails the test unless it is a binary one
// of these bytes. Nil and empty are the same.
func (c *WebsocketCommunicator) ExpectBinary(want []byte) {
	c.t.Helper()
	f, ok := c.next("ExpectBinary", "a binary frame")
	switch {
	case !ok:
	case !f.Binary:
		c.fatal("ExpectBinary", "want a binary frame, got %s", describe(f))
	case string(want) != string(f.Data):
		c.fatal("ExpectBinary", "mismatch (-want +got):\n%s", cmp.Diff(want, f.Data))
	}
}

// ExpectNothing fails the test if a message or the connection's end arrives, or
// has arrived and was not received yet, within d, which is 100 milliseconds
// when it isn't given. It receives nothing itself.
func (c *WebsocketCommunicator) ExpectNothing(d ...time.Duration) {
	c.t.Helper()
	wait, ok := quietTime(d)
	cl := c.connected()
	switch {
	case !ok:
		c.fatal("ExpectNothing", "%d durations, want at most one", len(d))
		return
	case cl == nil:
		c.fatal("ExpectNothing", "not connected")
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	e, quiet := cl.inbox.quiet(ctx)
	switch {
	case quiet:
	case e.err != nil:
		c.fatal("ExpectNothing", "%s", describeEnd(e.err))
	default:
		c.fatal("ExpectNothing", "got %s", describe(e.frame))
	}
}

func quietTime(d []time.Duration) (time.Duration, bool) {
	switch len(d) {
	case 0:
		return defaultQuiet, true
	case 1:
		return d[0], true
	}
	return 0, false
}

// ExpectClose fails the test unless the next thing to arrive is the
// connection's end with this code and, when it is given, this reason. The codes
// 1005 and 1006 stand for a close frame without a code and for no close frame.
// The consumer may still be busy when ExpectClose returns; Disconnect waits for
// its end.
func (c *WebsocketCommunicator) ExpectClose(code consumer.StatusCode, reason ...string) *consumer.CloseError {
	c.t.Helper()
	if len(reason) > 1 {
		c.fatal("ExpectClose", "%d reasons, want at most one", len(reason))
		return nil
	}
	f, err := c.receive()
	closed := (*consumer.CloseError)(nil)
	switch {
	case err == nil:
		c.fatal("ExpectClose", "want the close code %d, got %s", code, describe(f))
	case errors.Is(err, context.DeadlineExceeded):
		c.fatal("ExpectClose", "want the close code %d, got nothing within %v", code, c.timeout)
	case !errors.As(err, &closed), closed.Code != code:
		c.fatal("ExpectClose", "want the close code %d, but %s", code, describeEnd(err))
	case len(reason) == 1 && closed.Reason != reason[0]:
		c.fatal("ExpectClose", "reason mismatch (-want +got):\n%s", cmp.Diff(reason[0], closed.Reason))
	}
	return closed
}
