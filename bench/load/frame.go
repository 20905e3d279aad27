package main

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
)

// The opcodes.
const (
	opText   = 1
	opBinary = 2
	opClose  = 8
	opPing   = 9
	opPong   = 10
)

const (
	fin  = 0x80
	rsv1 = 0x40
)

// frames handles the whole frames of b and returns what is left.
func (l *client) frames(c *conn, b []byte, now int64) []byte {
	for len(b) >= 2 {
		size, head := int(b[1]&127), 2
		switch size {
		case 126:
			if len(b) < 4 {
				return b
			}
			size, head = int(binary.BigEndian.Uint16(b[2:])), 4
		case 127:
			if len(b) < 10 {
				return b
			}
			size, head = int(binary.BigEndian.Uint64(b[2:])), 10
		}
		if head+size > len(l.buf) {
			l.fail(fmt.Errorf("a frame of %d bytes", size))
			return nil
		}
		if len(b) < head+size {
			return b
		}
		l.frame(c, b[0], b[head:head+size], now)
		if l.conns[c.fd] != c {
			return nil // closed
		}
		b = b[head+size:]
	}
	return b
}

func (l *client) frame(c *conn, first byte, p []byte, now int64) {
	switch op := first & 15; op {
	case 0, opText, opBinary:
		if op != 0 {
			c.packed, c.binary = first&rsv1 != 0, op == opBinary
		}
		if first&fin == 0 || op == 0 {
			c.parts = append(c.parts, p...)
			if first&fin == 0 {
				return
			}
			p, c.parts = c.parts, c.parts[:0]
		}
		l.message(c, p, now)
	case opClose:
		l.close(c)
	case opPing:
		l.write(c, maskedFrame(opPong, p))
	}
}

func (l *client) message(c *conn, p []byte, now int64) {
	if c.packed {
		var err error
		if p, err = l.inflater.inflate(p); err != nil {
			l.fail(fmt.Errorf("inflate: %w", err))
			return
		}
	}
	if c.binary != l.binary || l.deflate && !c.packed && len(p) > 512 {
		l.wrong++
	}
	if l.proto != "centrifuge" {
		l.onMsg(c, p, now)
		return
	}
	for len(p) > 0 { // centrifuge joins messages with line feeds
		m, rest, _ := bytes.Cut(p, []byte{'\n'})
		p = rest
		switch {
		case c.state == joining:
			l.ready(c)
		case len(m) <= 2: // its ping
			l.send(c, []byte("{}"))
		default:
			l.onMsg(c, m, now)
		}
	}
}

func (l *client) send(c *conn, p []byte) { l.write(c, maskedFrame(opText, p)) }

func (l *client) write(c *conn, b []byte) {
	if c.write(b) != nil {
		l.close(c)
	}
}

// maskedFrame has the mask key 0, which leaves the payload as it is.
func maskedFrame(op byte, p []byte) []byte {
	b := []byte{fin | op, fin | byte(len(p))}
	if len(p) > 125 {
		b = binary.BigEndian.AppendUint16([]byte{fin | op, fin | 126}, uint16(len(p)))
	}
	return append(append(b, 0, 0, 0, 0), p...)
}

// inflater inflates messages that were compressed without context takeover. Its
// zero value is ready to use.
type inflater struct {
	r   io.ReadCloser
	src io.Reader
	buf bytes.Buffer
}

// inflate returns what is valid until the next call.
func (i *inflater) inflate(p []byte) ([]byte, error) {
	// What the sender cut off, and a last block, so that the reader ends.
	const tail = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"
	i.src = io.MultiReader(bytes.NewReader(p), bytes.NewReader([]byte(tail)))
	if i.r == nil {
		i.r = flate.NewReader(i.src)
	} else if err := i.r.(flate.Resetter).Reset(i.src, nil); err != nil {
		return nil, err
	}
	i.buf.Reset()
	_, err := i.buf.ReadFrom(i.r)
	return i.buf.Bytes(), err
}
