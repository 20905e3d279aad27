package transport_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gochannels/channels/consumer/internal/transport"
)

// RFC 6455 section 5.2: up to the read limit a message may have any size, in
// one frame, in fragments or in pieces of the wire.
func TestLargeMessages(t *testing.T) {
	t.Parallel()
	const limit = 16 << 20
	s := start(t, func(s *transport.Settings) { s.ReadLimit = limit }, nil)
	tests := []struct {
		first           byte
		size, part, cut int // bytes of a message, of a fragment, of a write
	}{
		{0x01, 64 << 10, limit, limit},
		{0x02, 256 << 10, limit, limit},
		{0x01, 1 << 20, limit, limit},
		{0x02, 4 << 20, limit, limit},
		{0x01, limit, limit, limit},
		{0x01, 1 << 20, 64, limit},
		{0x02, 1 << 20, 256, limit},
		{0x01, 4 << 20, 4 << 10, limit},
		{0x02, 1 << 20, 256 << 10, limit},
		{0x01, 256 << 10, limit, 64},
		{0x02, 1 << 20, limit, 512},
		{0x01, 1 << 20, limit, 8 << 10},
		{0x01, 1 << 16, 1300, limit},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%#x of %d in fragments of %d, pieces of %d", test.first, test.size, test.part, test.cut), func(t *testing.T) {
			t.Parallel()
			p := strings.Repeat("größe or not .", test.size/16)
			c := s.dial(t, "", "")
			go func() {
				var sent []byte
				for op, rest := test.first, p; ; op = 0 {
					n := min(test.part, len(rest))
					if n == len(rest) {
						op |= 0x80
					}
					sent, rest = append(sent, frame(op, rest[:n])...), rest[n:]
					if op&0x80 != 0 {
						break
					}
				}
				for len(sent) > 0 {
					n := min(test.cut, len(sent))
					c.Write(sent[:n])
					sent = sent[n:]
				}
			}()
			c.SetDeadline(time.Now().Add(time.Minute)) // for a busy machine
			c.expect(0x80|test.first, p)
		})
	}
}

// RFC 6455 section 7.4.1: one byte beyond the read limit is answered with 1009,
// as soon as it is announced, and with the limit itself nothing is wrong.
func TestReadLimit(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{1, 125, 126, 2048, 4096, 65535, 65536, 100000} {
		s := start(t, func(s *transport.Settings) { s.ReadLimit, s.Compression = limit, true }, nil)
		fits := strings.Repeat("x", limit)
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			t.Parallel()
			c := s.dial(t, permessageDeflate, "")
			for _, f := range [][]byte{frame(0x82, fits), frame(0xC2, bomb(limit)), append(frame(0x02, fits[1:]), frame(0x80, "x")...), append(frame(0x02, fits), frame(0x80, "")...)} {
				c.send(f)
				first, p := c.next()
				if first&rsv1 != 0 {
					p = inflated(t, p)
				}
				if len(p) != limit {
					t.Fatalf("frame %#x of %d bytes", first, len(p))
				}
			}
			for name, f := range map[string][]byte{
				"one frame":  frame(0x82, fits+"x")[:len(frame(0x82, fits+"x"))-limit-1],
				"two frames": append(frame(0x02, fits), frame(0x80, "x")[:6]...),
				"compressed": frame(0xC2, bomb(limit+1)),
			} {
				c := s.dial(t, permessageDeflate, "")
				c.send(f)
				if first, p := c.next(); first != 0x88 || p != closePayload(1009, "") {
					t.Errorf("%s: frame %#x %x", name, first, p)
				}
			}
		})
	}
}

// A thousand messages of a size, one after the other and all at once.
func TestManyMessages(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *transport.Settings) { s.QueueBytes = 64 << 20 }, nil)
	for _, size := range []int{0, 16, 64, 256, 1 << 10, 4 << 10} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			c := s.dial(t, "", "")
			f := frame(0x81, strings.Repeat("*", size))
			for range 300 {
				c.send(f)
				c.expect(0x81, strings.Repeat("*", size))
			}
			go c.Write(bytes.Repeat(f, 1000))
			for range 1000 {
				c.expect(0x81, strings.Repeat("*", size))
			}
		})
	}
}
