package consumertest

import (
	"context"

	"github.com/gochannels/channels/consumer"
)

// Disconnect closes the connection with code 1000, as DisconnectCode does.
func (c *WebsocketCommunicator) Disconnect() {
	c.t.Helper()
	c.disconnect("Disconnect", consumer.StatusNormalClosure, "")
}

// DisconnectCode sends a close frame with this code and reason, unless a close
// frame of the server was answered before, and waits for the server's. It
// returns once the connection is closed, the consumer's Disconnect has returned
// and all goroutines of that connection have ended. StatusNoStatus stands for a
// close frame without a code. Codes that no close frame may carry fail the
// test. What arrived before the end can still be received.
//
// It does nothing on a connection that was refused, never made, or has ended.
func (c *WebsocketCommunicator) DisconnectCode(code consumer.StatusCode, reason ...string) {
	c.t.Helper()
	switch {
	case len(reason) > 1:
		c.fatal("DisconnectCode", "%d reasons, want at most one", len(reason))
		return
	case len(reason) == 0:
		reason = []string{""}
	}
	switch {
	case code == consumer.StatusNoStatus && reason[0] != "":
		c.fatal("DisconnectCode", "a close frame without a code has no reason, got %q", reason[0])
	case code != consumer.StatusNoStatus && !sendableCode(code):
		c.fatal("DisconnectCode", "%d is no code to send", code)
	case len(reason[0]) > maxControlPayload-2:
		c.fatal("DisconnectCode", "a reason of %d bytes, want at most %d", len(reason[0]), maxControlPayload-2)
	default:
		c.disconnect("DisconnectCode", code, reason[0])
	}
}

func (c *WebsocketCommunicator) disconnect(op string, code consumer.StatusCode, reason string) {
	c.t.Helper()
	cl := c.leave()
	if cl == nil {
		return
	}
	cl.sendClose(code, reason)
	ctx, cancel := c.deadline()
	defer cancel()
	select {
	case <-cl.ended:
	case <-ctx.Done():
		c.fatal(op, "the server has not closed the connection within %v of the close frame", c.timeout)
		return
	}
	c.waitEnd(ctx, op)
}

// CloseNow cuts the connection without a close frame, as a client does whose
// network fails: the consumer's Disconnect gets code 1006. It then waits as
// Disconnect does.
func (c *WebsocketCommunicator) CloseNow() {
	c.t.Helper()
	cl := c.leave()
	if cl == nil {
		return
	}
	cl.cutOff()
	ctx, cancel := c.deadline()
	defer cancel()
	c.waitEnd(ctx, "CloseNow")
}

// leave returns the client that is to be ended by this side, or nil.
func (c *WebsocketCommunicator) leave() *client {
	cl := c.connected()
	c.mu.Lock()
	defer c.mu.Unlock()
	if cl != nil {
		c.left = true
	}
	return cl
}

// waitEnd waits for whoever handles the connection.
func (c *WebsocketCommunicator) waitEnd(ctx context.Context, op string) {
	c.t.Helper()
	if missing := c.server.wait(ctx); missing != "" {
		c.mu.Lock()
		c.reported = true
		c.mu.Unlock()
		c.fatal(op, "%s within %v; goroutines of the connection:\n%s", missing, c.timeout, c.server.goroutines())
		return
	}
	<-c.client.ended
	if err := c.client.broken(c.server.conn.watch.consumer.Load()); err != nil {
		c.fatal(op, "%v", err)
	}
}

// cleanup ends what the test has left open, and fails it for what doesn't end.
func (c *WebsocketCommunicator) cleanup() {
	c.t.Helper()
	c.mu.Lock()
	cl, reported := c.client, c.reported
	c.over = true
	c.mu.Unlock()
	if cl == nil {
		return
	}
	cl.cutOff()
	<-cl.ended
	if !reported {
		ctx, cancel := c.deadline()
		defer cancel()
		if missing := c.server.wait(ctx); missing != "" {
			c.t.Errorf("%s: the test has ended, but %s within %v; goroutines of the connection:\n%s",
				c.target, missing, c.timeout, c.server.goroutines())
		}
	}
	if err := cl.broken(c.server.conn.watch.consumer.Load()); err != nil {
		c.t.Errorf("%s: %v", c.target, err)
	}
	c.server.stop()
}
