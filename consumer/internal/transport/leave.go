package transport

import (
	"errors"
	"io"
	"os"
	"time"
)

// readFailed ends the connection as err asks for.
func (c *Conn) readFailed(err error) *EndError {
	c.in.drop()
	var end *EndError
	var fault *protocolError
	switch {
	case errors.As(err, &end):
		c.peerClose(end)
	case errors.As(err, &fault):
		cause := CauseProtocol
		if fault == errTooBig {
			cause = CauseTooBig
		}
		c.closeWith(&EndError{Code: fault.code, Cause: cause, Err: err})
		if c.discard() {
			c.peerLeft()
		} else {
			c.Abort(&EndError{Code: CodeAbnormal, Cause: CauseLost, Err: err})
		}
	default:
		if errors.Is(err, io.EOF) || errors.Is(err, os.ErrDeadlineExceeded) {
			err = io.ErrUnexpectedEOF // a deadline is set only after our close frame
		}
		c.Abort(&EndError{Code: CodeAbnormal, Cause: CauseLost, Err: err})
	}
	return c.End()
}

// peerClose answers the client's close frame with its own code (RFC 6455
// section 5.5.1), or completes the handshake that ours began. The socket is
// closed here or by the writer.
func (c *Conn) peerClose(e *EndError) {
	c.mu.Lock()
	c.peerClosed = true
	if c.end == nil {
		c.end = e
		c.pushClose(e.Code, "") // unlocks
		c.owner.Ended(e)
		return
	}
	if c.flushed {
		c.die()
	}
	c.mu.Unlock()
}

// peerLeft is called when the client has said that nothing follows. It may
// still read: if our close frame is not written yet, the writer closes.
func (c *Conn) peerLeft() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.peerClosed = true
	if c.flushed {
		c.die()
	}
}

// discard reads and forgets until the client closes its side, so that our
// close frame is not lost to a reset. It reports false for a client that does
// not.
func (c *Conn) discard() bool {
	deadline := time.Now().Add(c.set.CloseTimeout)
	c.nc.SetReadDeadline(deadline)
	buf := messages.Get().(*[]byte)
	defer messages.Put(buf)
	b := (*buf)[:cap(*buf)]
	for range 4096 { // 32 MiB and more
		if _, err := c.nc.Read(b); err != nil {
			return errors.Is(err, io.EOF)
		}
	}
	return false
}
