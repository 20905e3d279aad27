package transport

import (
	"errors"
	"os"
	"time"
)

// ErrRest is Read's error after [Conn.Rest]: the connection goes on.
var ErrRest = errors.New("transport: between two messages")

// Rest has the Read that waits for a message, or the next one that would,
// return ErrRest, if the socket allows that. A goroutine's stack never gets as
// small again as it began, so a connection that rests is cheaper if a new one
// reads.
func (c *Conn) Rest() {
	if c.raw == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closing.Load() {
		c.resting.Store(true)
		c.nc.SetReadDeadline(time.Unix(1, 0))
	}
}

// rested reports whether a read failed for Rest, whose deadline ends with it.
func (c *Conn) rested(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) || !c.resting.Swap(false) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.flushed { // else it is the closing handshake's by now
		c.nc.SetReadDeadline(time.Time{})
	}
	return true
}
