package transport

import (
	"encoding/binary"
	"math"
	"slices"
	"sync"
	"time"
	"unicode/utf8"
)

// Message is a data message. Data is valid until the next Read.
type Message struct {
	Binary bool
	Data   []byte
}

const (
	controlBurst = 64 // control and empty frames a client may send at once
	controlRate  = 20 // and per second
	readChunk    = 32 << 10
)

var messages = sync.Pool{New: func() any { b := make([]byte, 0, 8<<10); return &b }}

// maxPooled keeps a few huge messages from staying in the pool.
const maxPooled = 256 << 10

// assembly is the message being read.
type assembly struct {
	opcode     byte // opText, opBinary; 0 between messages
	compressed bool
	data       *[]byte // pooled; nil while there is nothing to keep
	text       utf8Checker
	tokens     float64
	since      time.Time
}

// Read returns the next message. Control frames are handled on the way. The
// error is ErrRest or an *EndError; nothing can be read after the latter.
func (c *Conn) Read() (Message, error) {
	for {
		m, err := c.message()
		if err == ErrRest {
			return Message{}, err
		}
		if err != nil {
			return Message{}, c.readFailed(err)
		}
		if !c.closing.Load() { // after our close frame data is of no interest
			return m, nil
		}
	}
}

// Detach must be called before a Read by another goroutine than the last
// message's, if that is still in use: its data stays valid for good.
func (c *Conn) Detach() { c.in.detach() }

// message reads frames up to the end of a data message.
func (c *Conn) message() (Message, error) {
	a := &c.in.assembly
	c.in.rest()
	for {
		h, err := c.header()
		if err != nil {
			return Message{}, err
		}
		if h.opcode&0x8 != 0 {
			if err := c.readControl(h); err != nil {
				return Message{}, err
			}
			continue
		}
		if err := c.begin(h); err != nil {
			return Message{}, err
		}
		if h.fin && a.data == nil && !a.compressed && h.length <= readSize/2 && (a.opcode == opBinary || c.in.has(int(h.length))) {
			p, err := c.in.view(int(h.length))
			if err != nil {
				return Message{}, err
			}
			unmask(p, h.key, 0)
			op := a.opcode
			a.opcode = 0
			if op == opText && !utf8.Valid(p) {
				return Message{}, errNotUTF8
			}
			return Message{op == opBinary, p}, nil
		}
		if err := c.readPayload(h); err != nil {
			return Message{}, err
		}
		if h.fin {
			return c.finish()
		}
	}
}

type frameHeader struct {
	fin, rsv1 bool
	opcode    byte
	length    int64
	key       uint32
}

// header reads a frame header, RFC 6455 section 5.2.
func (c *Conn) header() (frameHeader, error) {
	b, err := c.in.peek(2)
	if err != nil {
		return frameHeader{}, err
	}
	h := frameHeader{fin: b[0]&finBit != 0, rsv1: b[0]&rsv1Bit != 0, opcode: b[0] & 0xF}
	switch {
	case b[0]&0x30 != 0, h.opcode > opBinary && h.opcode < opClose, h.opcode > opPong:
		return h, errReserved
	case h.rsv1 && (c.deflate == 0 || h.opcode == opContinuation || h.opcode >= opClose):
		return h, errReserved
	case b[1]&maskBit == 0:
		return h, errUnmasked
	}
	short := b[1] &^ maskBit
	if h.opcode >= opClose && (!h.fin || short > maxControl) {
		return h, errControl
	}
	size := 2
	switch short {
	case 126:
		size = 4
	case 127:
		size = 10
	}
	if b, err = c.in.peek(size + 4); err != nil {
		return h, err
	}
	h.length = int64(short)
	switch short {
	case 126:
		if h.length = int64(binary.BigEndian.Uint16(b[2:])); h.length < 126 {
			return h, errLength
		}
	case 127:
		if h.length = int64(binary.BigEndian.Uint64(b[2:])); h.length <= math.MaxUint16 {
			return h, errLength // below 0 too: the highest bit is set
		}
	}
	h.key = binary.LittleEndian.Uint32(b[size:])
	c.in.skip(size + 4)
	return h, nil
}

// begin checks a data frame's place in its message, and its length before
// anything is allocated for it.
func (c *Conn) begin(h frameHeader) error {
	a := &c.in.assembly
	if (h.opcode == opContinuation) != (a.opcode != 0) {
		return errContinuation
	}
	if a.opcode == 0 {
		a.opcode, a.compressed, a.text = h.opcode, h.rsv1, utf8Checker{}
	}
	have := 0
	if a.data != nil {
		have = len(*a.data)
	}
	limit := c.set.ReadLimit
	if a.compressed {
		limit += limit/1000 + 64 // what does not compress grows by as much
	}
	if h.length > int64(limit-have) {
		return errTooBig
	}
	if h.length == 0 && !h.fin {
		return c.in.spend()
	}
	return nil
}

// readPayload appends a frame's payload to the message. Memory grows with the
// bytes that came, not with the length that was announced.
func (c *Conn) readPayload(h frameHeader) error {
	a := &c.in.assembly
	if a.data == nil {
		a.data = messages.Get().(*[]byte)
		*a.data = (*a.data)[:0]
	}
	for pos := 0; pos < int(h.length); {
		n, have := min(int(h.length)-pos, readChunk), len(*a.data)
		*a.data = slices.Grow(*a.data, n)
		n, err := c.in.some((*a.data)[have : have+n])
		if err != nil {
			return err
		}
		*a.data = (*a.data)[:have+n]
		p := (*a.data)[have:]
		unmask(p, h.key, pos)
		if a.opcode == opText && !a.compressed && !a.text.feed(p) {
			return errNotUTF8 // however much of the message is to come
		}
		pos += n
	}
	return nil
}

// finish ends a message that was collected.
func (c *Conn) finish() (Message, error) {
	a := &c.in.assembly
	op := a.opcode
	a.opcode = 0
	if a.compressed {
		*a.data = append(*a.data, tail...)
		dst := messages.Get().(*[]byte)
		var err error
		*dst, err = inflate((*dst)[:0], *a.data, c.set.ReadLimit)
		c.in.free(a.data)
		a.data = dst
		if err != nil {
			return Message{}, err
		}
		if op == opText && !utf8.Valid(*dst) {
			return Message{}, errNotUTF8
		}
	} else if op == opText && !a.text.done() {
		return Message{}, errNotUTF8
	}
	return Message{op == opBinary, *a.data}, nil
}

// readControl handles a control frame, which may come between the fragments
// of a message.
func (c *Conn) readControl(h frameHeader) error {
	p, err := c.in.view(int(h.length))
	if err != nil {
		return err
	}
	unmask(p, h.key, 0)
	if h.opcode == opClose {
		code, reason, err := parseClose(p)
		if err != nil {
			return err
		}
		return &EndError{Code: code, Reason: reason, Cause: CauseClient}
	}
	if err := c.in.spend(); err != nil {
		return err
	}
	if h.opcode == opPing {
		c.control(opPong, p)
	}
	return nil
}
