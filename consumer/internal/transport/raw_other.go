//go:build !unix

package transport

import (
	"net"
	"syscall"
)

// rawConn returns nil: reads hold a buffer here, and writes have a goroutine.
func rawConn(net.Conn) syscall.RawConn { return nil }

func (in *reader) readOnce(uintptr) bool { panic("transport: no raw connection") }

func (c *Conn) writeOnce(uintptr) bool { panic("transport: no raw connection") }
