package transport

import "net"

// NewConn serves nc as if it had been upgraded.
func NewConn(nc net.Conn, early []byte, deflate bool, s *Settings, owner Owner) *Conn {
	return newConn(nc, early, deflate, s, owner)
}

// Unmask is unmask.
var Unmask = unmask
