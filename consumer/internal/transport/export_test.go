package transport

import (
	"math"
	"net"
)

// NewConn serves nc as if it had been upgraded.
func NewConn(nc net.Conn, early []byte, deflate bool, s *Settings, owner Owner) *Conn {
	if deflate {
		return newConn(nc, early, math.MaxInt, s, owner)
	}
	return newConn(nc, early, 0, s, owner)
}

// Unmask is unmask.
var Unmask = unmask

// Accounts returns what the queue is said to hold, and what it holds.
func Accounts(c *Conn) (bytes, want int, large, wantLarge bool, frames int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range c.queue {
		if len(b) > c.set.QueueBytes {
			wantLarge = true
		} else {
			want += len(b)
		}
	}
	return c.queued, want, c.large, wantLarge, len(c.queue)
}
