package consumertest

import (
	"encoding/json"

	"github.com/gochannels/channels/consumer"
)

// SendJSON sends v, encoded as encoding/json does, in a text frame.
func (c *WebsocketCommunicator) SendJSON(v any) {
	c.t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		c.fail("SendJSON", "%v", err)
		return
	}
	c.send("SendJSON", consumer.Frame{Data: b})
}

// SendText sends s in a text frame. It may be empty, and need not be UTF-8.
func (c *WebsocketCommunicator) SendText(s string) {
	c.t.Helper()
	c.send("SendText", consumer.Frame{Data: []byte(s)})
}

// SendBinary sends b in a binary frame. It may be empty.
func (c *WebsocketCommunicator) SendBinary(b []byte) {
	c.t.Helper()
	c.send("SendBinary", consumer.Frame{Binary: true, Data: b})
}

// Send sends f. Like the other Send methods it returns at once, and fails the
// test when this side has not connected, or has disconnected. Once the server
// has closed the connection what is sent is lost, as in a browser.
func (c *WebsocketCommunicator) Send(f consumer.Frame) {
	c.t.Helper()
	c.send("Send", f)
}

func (c *WebsocketCommunicator) send(op string, f consumer.Frame) {
	c.t.Helper()
	cl := c.connected()
	c.mu.Lock()
	left := c.left
	c.mu.Unlock()
	switch {
	case cl == nil:
		c.fail(op, "not connected")
		return
	case left:
		c.fail(op, "this side has disconnected")
		return
	}
	kind := opText
	if f.Binary {
		kind = opBinary
	}
	cl.write(func(dst []byte) []byte { return appendFrame(dst, kind, f.Data) })
}
