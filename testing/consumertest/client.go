package consumertest

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"sync"
	"unicode/utf8"

	"github.com/gochannels/channels/consumer"
)

var errNotConnected = errors.New("consumertest: not connected")

// client is the WebSocket client at one end of a connection. Its one goroutine
// makes the handshake, then reads until the connection ends, and answers pings
// and close frames whether or not the test receives anything.
type client struct {
	conn  net.Conn
	br    *bufio.Reader
	inbox *inbox

	answered chan struct{} // closed once response and err are set
	response *http.Response
	err      error

	ended    chan struct{} // closed when run has returned; what follows is set before
	fault    error         // how the server broke the protocol
	closings int           // close frames read

	mu             sync.Mutex // guards the write side
	closeSent      bool
	closeDelivered bool // and the server had not closed the connection before
	cut            bool
}

func newClient(conn net.Conn) *client {
	return &client{
		conn:     conn,
		br:       bufio.NewReader(conn),
		inbox:    newInbox(),
		answered: make(chan struct{}),
		ended:    make(chan struct{}),
	}
}

func (c *client) run(r *http.Request) {
	defer close(c.ended)
	defer c.conn.Close() //nolint:errcheck // in memory
	c.response, c.err = shake(c.conn, c.br, r)
	close(c.answered)
	if c.err != nil || c.response.StatusCode != http.StatusSwitchingProtocols {
		c.inbox.end(errNotConnected)
		return
	}
	err := c.read()
	if fault := (*violationError)(nil); errors.As(err, &fault) {
		c.fault = fault
	}
	c.inbox.end(err)
}

// connected reports whether the handshake has ended in an open connection.
func (c *client) connected() bool {
	select {
	case <-c.answered:
		return c.err == nil && c.response.StatusCode == http.StatusSwitchingProtocols
	default:
		return false
	}
}

// read reads until the connection ends, and returns how.
func (c *client) read() error {
	var message consumer.Frame
	inMessage := false
	for {
		f, err := readFrame(c.br)
		if fault := (*violationError)(nil); errors.As(err, &fault) {
			return err
		}
		if err != nil {
			return &consumer.CloseError{Code: consumer.StatusAbnormalClosure}
		}
		switch f.op {
		case opPing:
			c.write(func(dst []byte) []byte { return appendFrame(dst, opPong, f.payload) })
			continue
		case opPong:
			continue
		case opClose:
			return c.readClose(f.payload)
		case opContinuation:
			if !inMessage {
				return violation("a continuation of no message")
			}
		default:
			if inMessage {
				return violation("a new message inside another")
			}
			message, inMessage = consumer.Frame{Binary: f.op == opBinary}, true
		}
		message.Data = append(message.Data, f.payload...)
		if !f.final {
			continue
		}
		if !message.Binary && !utf8.Valid(message.Data) {
			return violation("a text message that is not UTF-8: %s", describe(message))
		}
		inMessage = false
		c.inbox.push(message)
	}
}

// readClose answers the server's close frame and sees that no data follows it.
func (c *client) readClose(payload []byte) error {
	closed, err := parseClose(payload)
	if err != nil {
		return err
	}
	c.closings++
	c.sendClose(closed.Code, "")
	c.inbox.end(closed)
	for {
		f, err := readFrame(c.br)
		switch {
		case err != nil:
			return closed
		case f.op == opClose:
			c.closings++
		case f.op < opClose:
			return violation("a data frame after the close frame")
		}
	}
}

// write sends what build appends, unless this side has sent its close frame.
func (c *client) write(build func([]byte) []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closeSent && !c.cut {
		// A server that is gone gets nothing, and nobody is told, as in a network.
		_, _ = c.conn.Write(build(nil))
	}
}

// sendClose sends the one close frame of this side, if it has not been sent.
func (c *client) sendClose(code consumer.StatusCode, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closeSent || c.cut {
		return
	}
	c.closeSent = true
	_, err := c.conn.Write(appendClose(nil, code, reason))
	c.closeDelivered = err == nil
}

// cutOff drops the connection without a close frame.
func (c *client) cutOff() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = true
	_ = c.conn.Close()
}

// broken returns how the server broke the protocol, or nil, once ended is
// closed. What other servers are known to do is forgiven unless strict.
func (c *client) broken(strict bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.fault != nil:
		return c.fault
	case strict && c.closings > 1:
		return violation("a second close frame")
	case strict && c.closings == 0 && c.closeDelivered && !c.cut:
		return violation("the connection cut instead of an answer to the close frame")
	}
	return nil
}
