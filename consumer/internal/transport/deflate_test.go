package transport_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gochannels/channels/consumer/internal/transport"
)

const permessageDeflate = "Sec-WebSocket-Extensions: permessage-deflate\r\n"

// What RFC 7692 lets a client send as a compressed message, the examples of
// section 7.2.3 among it.
func TestCompressedMessages(t *testing.T) {
	t.Parallel()
	const final = "\xf3\x48\xcd\xc9\xc9\x07\x00" // hello in a block with BFINAL
	tests := []struct {
		name   string
		frames [][]byte
		want   string
	}{
		{"6.1 in two fragments", [][]byte{frame(0x41, hello[:3]), frame(0x80, hello[3:])}, "Hello"},
		{"6.1 cut anywhere, with empty fragments and pings between", [][]byte{frame(0x41, ""), frame(0x00, hello[:1]), frame(0x89, ""), frame(0x00, ""), frame(0x00, hello[1:]), frame(0x80, "")}, "Hello"},
		{"6.1 a message without compression", [][]byte{frame(0x81, "plain")}, "plain"},
		{"7.2.3.1 one block", [][]byte{frame(0xC1, hello)}, "Hello"},
		{"7.2.3.3 a block without compression", [][]byte{frame(0xC1, "\x00\x05\x00\xfa\xffHello\x00")}, "Hello"},
		{"7.2.3.4 a final block", [][]byte{frame(0xC1, final+"\x00")}, "Hello"},
		{"7.2.3.4 a final block and nothing else", [][]byte{frame(0xC1, final)}, "Hello"},
		{"7.2.3.4 a final block without compression", [][]byte{frame(0xC1, "\x00\x05\x00\xfa\xffHello\x01")}, "Hello"},
		{"7.2.3.5 two blocks", [][]byte{frame(0xC1, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00")}, "Hello"},
		{"7.2.3.6 the empty block", [][]byte{frame(0xC1, "\x00")}, ""},
		{"7.2.1 blocks after a final one", [][]byte{frame(0xC1, final+final+hello)}, "HelloHelloHello"},
		{"7.2.1 a final block cut off before another", [][]byte{frame(0xC1, final+"\x01\x00\x00\xff\xff"+"\x01\x05\x00\xfa\xffHello"+hello)}, "HelloHelloHello"},
		{"7.2.1 a reference beyond a final block", [][]byte{frame(0xC1, final+"\xf2\x00\x11\x00\x00")}, "HelloHello"},
	}
	s := start(t, func(s *transport.Settings) { s.Compression = true }, nil)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := s.dial(t, permessageDeflate, "")
			for range 2 { // no state is left by the first
				c.send(test.frames...)
				first, p := c.next()
				if first == 0x8A {
					first, p = c.next()
				}
				if first != 0x81 || p != test.want {
					t.Fatalf("frame %#x %q, want %q", first, p, test.want)
				}
			}
		})
	}
}

// What RFC 7692 forbids, and what is beyond the limit after inflation.
func TestCompressedFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		frames [][]byte
		code   int
	}{
		{"6.1 rsv1 in a continuation", [][]byte{frame(0x41, hello[:3]), frame(0xC0, hello[3:])}, 1002},
		{"6.1 rsv1 in a ping", [][]byte{frame(0xC9, "")}, 1002},
		{"6.1 rsv1 in a pong", [][]byte{frame(0xCA, "")}, 1002},
		{"6.1 rsv1 in a close frame", [][]byte{frame(0xC8, closePayload(1000, ""))}, 1002},
		{"5.2 rsv2 with rsv1", [][]byte{frame(0xE1, hello)}, 1002},
		{"7.1.1.2 a reference to the message before", [][]byte{frame(0xC1, hello), frame(0xC1, "\xf2\x00\x11\x00\x00")}, 1007},
		{"7.2.3.6 not even the empty block", [][]byte{frame(0xC1, "")}, 1007},
		{"7.2.2 no block of that type", [][]byte{frame(0xC1, "\x06")}, 1007},
		{"7.2.2 lengths that differ", [][]byte{frame(0xC1, "\x00\x05\x00\xff\xffHello\x00")}, 1007},
		{"7.2.2 garbage after a final block", [][]byte{frame(0xC1, "\xf3\x48\xcd\xc9\xc9\x07\x00\x06")}, 1007},
		{"8.1 text that is not UTF-8 when inflated", [][]byte{frame(0xC1, "\x00\x01\x00\xfe\xff\xff\x00")}, 1007},
		{"a bomb in one frame", [][]byte{frame(0xC2, bomb(4<<20))}, 1009},
		{"a bomb in fragments of a byte", fragments(0x42, bomb(1<<20)), 1009},
		{"a bomb in final blocks", [][]byte{frame(0xC2, strings.Repeat("\x01\x00\x00\xff\xff", 10000)+bomb(1<<20))}, 1009},
		{"one byte too much", [][]byte{frame(0xC2, bomb(64<<10+1))}, 1009},
		{"beyond what may grow, announced", [][]byte{{0xC2, 0xFF, 0, 0, 0, 0, 0, 1, 0x01, 0, 1, 2, 3, 4}}, 1009},
	}
	s := start(t, func(s *transport.Settings) { s.Compression = true }, nil)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := s.dial(t, permessageDeflate, "")
			go c.Write(bytes.Join(test.frames, nil)) // the server may not want it all
			if test.name[:7] == "7.1.1.2" {
				c.expect(0x81, "Hello")
			}
			c.expectClose(test.code)
		})
	}
}

// RFC 7692 with messages of all sizes, of text and of noise, at both sides of
// what is sent compressed, in one frame and in many.
func TestCompressedEcho(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *transport.Settings) { s.Compression, s.ReadLimit = true, 1<<17 }, nil)
	noise := rand.NewChaCha8([32]byte{})
	for _, size := range []int{1, 127, 128, 129, 1000, 4096, 32768, 65536, 131072} {
		for _, part := range []int{256, 1 << 20} {
			t.Run(fmt.Sprintf("%d in %d", size, part), func(t *testing.T) {
				random := make([]byte, size)
				noise.Read(random)
				c := s.dial(t, permessageDeflate, "")
				for _, data := range []string{strings.Repeat(`{"type":"échange"}`, size)[:size], string(random)} {
					var buf bytes.Buffer
					w, _ := flate.NewWriter(&buf, flate.BestSpeed)
					w.Write([]byte(data))
					w.Flush()
					p := strings.TrimSuffix(buf.String(), "\x00\x00\xff\xff")
					op, sent := byte(0x42), []byte(nil)
					for len(p) > part {
						sent = append(sent, frame(op, p[:part])...)
						p, op = p[part:], 0
					}
					c.send(append(sent, frame(op|0x80, p)...))
					first, got := c.next()
					if first&rsv1 != 0 {
						if len(got) >= size {
							t.Errorf("compressed from %d to %d bytes", size, len(got))
						}
						got = inflated(t, got)
					}
					if first&^rsv1 != 0x82 || got != data {
						t.Fatalf("frame %#x of %d bytes, want %d", first, len(got), len(data))
					}
				}
			})
		}
	}
}

const rsv1 = 0x40

// bomb is the compressed form of n zeros.
func bomb(n int) string {
	var buf bytes.Buffer
	w, _ := flate.NewWriter(&buf, flate.BestSpeed)
	w.Write(make([]byte, n))
	w.Flush()
	return strings.TrimSuffix(buf.String(), "\x00\x00\xff\xff")
}

// fragments has a frame for each byte of a message.
func fragments(first byte, p string) (frames [][]byte) {
	for i := range len(p) {
		op := byte(0)
		if i == 0 {
			op = first
		}
		if i == len(p)-1 {
			op |= 0x80
		}
		frames = append(frames, frame(op, p[i:i+1]))
	}
	return frames
}

// A client can't have a window copied for each two bytes that it sends: a
// message may have a few final blocks, not as many as fit.
func TestEmptyFinalBlocks(t *testing.T) {
	t.Parallel()
	const final = "\x03\x00"
	s := start(t, func(s *transport.Settings) { s.Compression = true }, nil)
	few := s.dial(t, permessageDeflate, "")
	few.send(frame(0xC1, strings.Repeat(final, 16)+hello))
	few.expect(0x81, "Hello")
	many := s.dial(t, permessageDeflate, "")
	many.send(frame(0xC1, strings.Repeat(final, 500)+hello))
	many.expectClose(1009)
}
