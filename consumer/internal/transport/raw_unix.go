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
	var sc syscall.Conn
	switch nc := nc.(type) { // not all that have one: what embeds a TCPConn may read and write in its own way
	case *net.TCPConn:
		sc = nc
	case *net.UnixConn:
		sc = nc
	default:
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
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
