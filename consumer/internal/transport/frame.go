package transport

import (
	"encoding/binary"
	"sync"
)

// Opcodes of RFC 6455, section 5.2.
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xA
)

const (
	finBit  = 0x80
	rsv1Bit = 0x40 // a compressed message, RFC 7692 section 6
	maskBit = 0x80

	maxControl = 125 // payload bytes of a control frame, RFC 6455 section 5.5
	maxHeader  = 10  // bytes of a server's frame header, which has no mask
)

// Frame is one data message, framed once for any number of connections.
// It is immutable and safe for concurrent use, unless it is of BuildOnce.
type Frame struct {
	plain    []byte
	header   int // bytes of plain before the payload
	once     sync.Once
	deflated []byte // made when the first connection with compression needs it
	own      []byte // plain with room before it, for another frame; nil: plain is shared
}

// NewFrame frames a copy of payload.
func NewFrame(binary bool, payload []byte) *Frame {
	f, _ := BuildFrame(binary, len(payload), func(b []byte) ([]byte, error) { return append(b, payload...), nil })
	return f
}

// BuildFrame frames what appendTo appends, without copying it. size is a guess
// of its length. An error of appendTo is returned as it is.
func BuildFrame(binary bool, size int, appendTo func([]byte) ([]byte, error)) (*Frame, error) {
	f := new(Frame)
	if _, err := f.build(make([]byte, maxHeader, maxHeader+size), binary, appendTo); err != nil {
		return nil, err
	}
	return f, nil
}

// BuildOnce is BuildFrame for a frame that is sent once: Send uses it up, and
// if the socket takes it at once its memory serves the next one.
func BuildOnce(binary bool, appendTo func([]byte) ([]byte, error)) (*Frame, error) {
	f := once.Get().(*Frame)
	b, err := f.build(append(f.own[:0], make([]byte, maxHeader)...), binary, appendTo)
	if err != nil {
		return nil, err
	}
	f.own = b
	return f, nil
}

var once = sync.Pool{New: func() any { return &Frame{own: make([]byte, 0, 512)} }}

// maxOnce keeps a few huge messages from staying in the pool.
const maxOnce = 64 << 10

// used takes a frame of BuildOnce back when nothing refers to it any more.
func (f *Frame) used() {
	if f.own != nil && cap(f.own) <= maxOnce {
		*f = Frame{own: f.own}
		once.Put(f)
	}
}

// build frames what appendTo appends to b, which has room for a header only,
// and returns the whole of it.
func (f *Frame) build(b []byte, binary bool, appendTo func([]byte) ([]byte, error)) ([]byte, error) {
	b, err := appendTo(b)
	if err != nil {
		return nil, err
	}
	op := byte(opText)
	if binary {
		op = opBinary
	}
	var head [maxHeader]byte
	h := appendHeader(head[:0], finBit|op, len(b)-maxHeader)
	f.plain, f.header = b[maxHeader-len(h):], len(h)
	copy(f.plain, h)
	return b, nil
}

// Payload returns the message's bytes. The caller must not change them.
func (f *Frame) Payload() []byte { return f.plain[f.header:] }

// bytes returns the frame for a connection that compresses messages of up to
// deflate bytes.
func (f *Frame) bytes(deflate int) []byte {
	if n := len(f.plain) - f.header; n > deflate || n < deflateThreshold {
		return f.plain
	}
	f.once.Do(func() { f.deflated = deflateFrame(f.plain[0], f.Payload()) })
	if f.deflated == nil { // no smaller than the plain one
		return f.plain
	}
	return f.deflated
}

func appendHeader(b []byte, first byte, n int) []byte {
	switch {
	case n <= 125:
		return append(b, first, byte(n))
	case n <= 0xFFFF:
		return binary.BigEndian.AppendUint16(append(b, first, 126), uint16(n))
	default:
		return binary.BigEndian.AppendUint64(append(b, first, 127), uint64(n))
	}
}

// controlFrame frames at most maxControl bytes.
func controlFrame(op byte, payload []byte) []byte {
	return append(appendHeader(make([]byte, 0, 2+len(payload)), finBit|op, len(payload)), payload...)
}

// unmask applies the client's mask, RFC 6455 section 5.3, beginning at byte
// pos of the payload.
func unmask(b []byte, key uint32, pos int) {
	// key holds the four bytes in the order in which they are applied, the
	// first in the lowest byte.
	if r := pos & 3 * 8; r != 0 {
		key = key>>r | key<<(32-r)
	}
	wide := uint64(key) | uint64(key)<<32
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= byte(key >> (i & 3 * 8))
	}
}

// frameSize returns the size of the frame that b begins with. It is one of
// ours, without a mask.
func frameSize(b []byte) int {
	switch short := b[1]; short {
	case 126:
		return 4 + int(binary.BigEndian.Uint16(b[2:]))
	case 127:
		return 10 + int(binary.BigEndian.Uint64(b[2:]))
	default:
		return 2 + int(short)
	}
}
