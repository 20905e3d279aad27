package transport_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gochannels/channels/consumer/internal/transport"
)

// RFC 6455 section 5.2: a frame is the same however TCP cuts it, at each of the
// three forms of its length, and with others before and behind it.
func TestFramesInPieces(t *testing.T) {
	t.Parallel()
	s := start(t, nil, nil)
	sizes := []int{0, 1, 125, 126, 127, 128, 129, 4085, 4086, 4087, 65535, 65536}
	for _, piece := range []int{1, 2, 3, 7, 997, 1 << 20} {
		t.Run(fmt.Sprint("of ", piece), func(t *testing.T) {
			t.Parallel()
			var sent []byte
			for _, n := range sizes {
				if n < 1000*piece {
					sent = append(sent, frame(0x81, strings.Repeat("t", n))...)
					sent = append(sent, frame(0x82, strings.Repeat("\xfe", n))...)
				}
			}
			c := s.dial(t, "", "")
			go func() {
				for b := sent; len(b) > 0; b = b[min(piece, len(b)):] {
					c.Write(b[:min(piece, len(b))])
				}
			}()
			for _, n := range sizes {
				if n < 1000*piece {
					c.expect(0x81, strings.Repeat("t", n))
					c.expect(0x82, strings.Repeat("\xfe", n))
				}
			}
		})
	}
}

// RFC 6455 section 5.2: a reserved bit, alone or with others, in a frame of any
// kind, means 1002 where no extension gives it a meaning. What came before is
// answered, and what comes behind is not.
func TestReservedBits(t *testing.T) {
	t.Parallel()
	s := start(t, nil, nil)
	for _, op := range []byte{0x1, 0x2, 0x8, 0x9, 0xA} {
		for rsv := byte(0x10); rsv <= 0x70; rsv += 0x10 {
			t.Run(fmt.Sprintf("%#x", rsv|op), func(t *testing.T) {
				t.Parallel()
				for _, payload := range []string{"", "Hi"} {
					c := s.dial(t, "", "")
					c.send(bytes.Join([][]byte{frame(0x81, "before"), frame(0x80|rsv|op, payload), frame(0x89, "behind")}, nil))
					c.expect(0x81, "before")
					c.expectClose(1002)
					c.Close()
				}
			})
		}
	}
	t.Run("continuation", func(t *testing.T) {
		c := s.dial(t, "", "")
		c.send(frame(0x01, "a"), frame(0xA0, "b"))
		c.expectClose(1002)
	})
}

// RFC 6455 section 5.2: opcodes 3 to 7 and 11 to 15 are reserved.
func TestReservedOpcodes(t *testing.T) {
	t.Parallel()
	s := start(t, nil, nil)
	for _, op := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		for _, payload := range []string{"", "reserved"} {
			for _, first := range []byte{op, 0x80 | op} {
				c := s.dial(t, "", "")
				c.send(bytes.Join([][]byte{frame(0x81, "before"), frame(first, payload), frame(0x89, "behind")}, nil))
				c.expect(0x81, "before")
				c.expectClose(1002)
				c.Close()
			}
		}
	}
}

// RFC 6455 section 5.1: a client that does not mask a frame, of any kind and
// even if it is empty, is closed with 1002.
func TestUnmaskedFrames(t *testing.T) {
	t.Parallel()
	s := start(t, nil, nil)
	for _, first := range []byte{0x81, 0x82, 0x01, 0x88, 0x89, 0x8A} {
		for _, f := range [][]byte{{first, 0}, {first, 2, 0x03, 0xE8}} {
			c := s.dial(t, "", "")
			c.send(append(frame(0x81, "before"), f...))
			c.expect(0x81, "before")
			c.expectClose(1002)
			c.Close()
		}
	}
	t.Run("continuation", func(t *testing.T) {
		c := s.dial(t, "", "")
		c.send(frame(0x01, "a"), []byte{0x80, 1, 'b'})
		c.expectClose(1002)
	})
}

// RFC 6455 section 5.3: any mask will do, and each frame has its own.
func TestMasks(t *testing.T) {
	t.Parallel()
	s := start(t, nil, nil)
	c := s.dial(t, "", "")
	for _, n := range []int{0, 1, 5, 125, 3000, 50000} {
		p := strings.Repeat("masked", n/6+1)[:n]
		for _, key := range []uint32{0, 0xFFFFFFFF, 0x80000001, rand.Uint32(), rand.Uint32()} {
			f := frame(0x81, p)
			head := f[:len(f)-n-4]
			c.send(head, masked(key, p))
			c.expect(0x81, p)
		}
	}
}

// masked is a mask and the payload under it.
func masked(key uint32, p string) []byte {
	b := binary.BigEndian.AppendUint32(nil, key)
	for i := range len(p) {
		b = append(b, p[i]^b[i&3])
	}
	return b
}

// RFC 6455 section 5.2: the shortest form of a length must be used, and 63 bits
// are the most. The frame is refused by its header alone.
func TestLengthForms(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *transport.Settings) { s.ReadLimit = 1 << 30 }, nil)
	tests := []struct {
		name string
		head string
		code int
	}{
		{"0 in 16 bits", "\x81\xfe\x00\x00", 1002},
		{"125 in 16 bits", "\x81\xfe\x00\x7d", 1002},
		{"0 in 64 bits", "\x82\xff\x00\x00\x00\x00\x00\x00\x00\x00", 1002},
		{"125 in 64 bits", "\x82\xff\x00\x00\x00\x00\x00\x00\x00\x7d", 1002},
		{"65535 in 64 bits", "\x82\xff\x00\x00\x00\x00\x00\x00\xff\xff", 1002},
		{"the highest bit", "\x82\xff\x80\x00\x00\x00\x00\x00\x00\x01", 1002},
		{"all bits", "\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff", 1002},
		{"63 bits", "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff", 1009},
		{"33 bits", "\x82\xff\x00\x00\x00\x01\x00\x00\x00\x01", 1009},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := s.dial(t, "", "")
			c.send([]byte(test.head + "mask"))
			c.expectClose(test.code)
		})
	}
}
