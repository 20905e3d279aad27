package main

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"

	"github.com/gochannels/channels/bench/internal/site"
)

// readAll answers and closes, for all sockets on one thread. It keeps nothing
// between two reads, but for the frame that a socket has begun.
func (s *server) readAll() {
	buf, events := make([]byte, 256<<10), make([]unix.EpollEvent, 256)
	begun := map[int][]byte{}
	for {
		n, _ := unix.EpollWait(s.epoll, events, -1)
		for _, event := range events[:max(n, 0)] {
			fd := int(event.Fd)
			k := copy(buf, begun[fd])
			n, err := unix.Read(fd, buf[k:])
			if errors.Is(err, unix.EAGAIN) {
				continue
			}
			rest, ok := buf[:0], n > 0
			if ok {
				rest, ok = frames(fd, buf[:k+n])
			}
			if !ok || len(rest) == 0 {
				delete(begun, fd)
			} else {
				begun[fd] = append([]byte(nil), rest...)
			}
			if !ok {
				s.remove(fd)
			}
		}
	}
}

// frames echoes the whole frames of b and returns what is left, and whether the
// connection goes on.
func frames(fd int, b []byte) ([]byte, bool) {
	for len(b) >= 6 {
		op, size, head := b[0]&15, int(b[1]&127), 2
		if size == 126 {
			size, head = int(binary.BigEndian.Uint16(b[2:])), 4
		}
		if len(b) < head+4+size {
			return b, true
		}
		key, p := b[head:head+4], b[head+4:head+4+size]
		for i := range p {
			p[i] ^= key[i&3]
		}
		if op == 8 {
			writeAll(fd, []byte{0x88, 0})
			return nil, false
		}
		if op <= 2 {
			writeAll(fd, appendFrame(nil, p))
		}
		b = b[head+4+size:]
	}
	return b, true
}

func appendFrame(dst, p []byte) []byte {
	first := byte(0x81)
	if *site.Binary {
		first = 0x82
	}
	if len(p) < 126 {
		dst = append(dst, first, byte(len(p)))
	} else {
		dst = binary.BigEndian.AppendUint16(append(dst, first, 126), uint16(len(p)))
	}
	return append(dst, p...)
}

func writeAll(fd int, b []byte) {
	for len(b) > 0 {
		n, err := unix.Write(fd, b)
		if errors.Is(err, unix.EAGAIN) {
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, 1000)
			continue
		}
		if err != nil {
			return
		}
		b = b[n:]
	}
}
