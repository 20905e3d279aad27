//go:build unix

package transport

import (
	"errors"
	"io"
	"net"
	"syscall"
)

// rawConn returns the socket's file descriptor, for reads that wait without a
// buffer and writes that never block, or nil where there is none: TLS, and
// connections in memory.
func rawConn(nc net.Conn) syscall.RawConn {
	if sc, ok := nc.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			return raw
		}
	}
	return nil
}

// readOnce reports false to wait until the socket is readable.
func (in *reader) readOnce(fd uintptr) bool {
	held := in.buf != nil
	in.hold()
	for {
		n, err := syscall.Read(int(fd), in.buf[in.w:])
		switch {
		case err == syscall.EINTR:
			continue
		case n > 0:
			in.w += n
			return true
		case err == syscall.EAGAIN:
			if !held {
				buffers.Put(in.buf)
				in.buf = nil
			}
			return false
		case err == nil:
			in.err = io.EOF
		default:
			in.err = err
		}
		return true
	}
}

// writeOnce never parks: it always reports that it is done.
func (c *Conn) writeOnce(fd uintptr) bool {
	for len(c.now) > 0 {
		n, err := syscall.Write(int(fd), c.now)
		switch {
		case err == nil:
			c.now = c.now[n:]
		case !errors.Is(err, syscall.EINTR):
			return true // full, or an error that the next write meets again
		}
	}
	return true
}
