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
