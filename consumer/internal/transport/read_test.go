package transport_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gochannels/channels/consumer/internal/transport"
)

func TestEchoSizes(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *transport.Settings) { s.ReadLimit = 1 << 20 }, nil)
	c := s.dial(t, "", "")
	for _, n := range []int{0, 1, 3, 125, 126, 127, 2047, 2048, 2049, 4095, 4096, 4097, 65535, 65536, 1 << 20} {
		for _, first := range []byte{0x81, 0x82} {
			p := strings.Repeat("héllo wörld €", n/16+1)[:n]
			if first == 0x81 {
				p = strings.Repeat("x", n)
			}
			c.send(frame(first, p))
			c.expect(first, p)
		}
	}
}

// Bytes that come with the handshake are read like those after it.
func TestEarlyData(t *testing.T) {
	t.Parallel()
	s := start(t, nil, nil)
	big := strings.Repeat("early ", 300)
	c := s.dial(t, "", string(frame(0x81, "first"))+string(frame(0x81, big))+string(frame(0x81, "third")[:3]))
	c.expect(0x81, "first")
	c.expect(0x81, big)
	c.send(frame(0x81, "third")[3:])
	c.expect(0x81, "third")
}

// RFC 6455 section 5.4: control frames may come between fragments.
func TestFragments(t *testing.T) {
	t.Parallel()
	s := start(t, nil, nil)
	c := s.dial(t, "", "")
	c.send(frame(0x01, "ab\xe2"), frame(0x89, "ping"), frame(0x00, "\x82"), frame(0x00, ""), frame(0x8A, "unasked"), frame(0x80, "\xacz"))
	c.expect(0x8A, "ping")
	c.expect(0x81, "ab€z")
	c.send(frame(0x02, ""), frame(0x80, ""))
	c.expect(0x82, "")
	// Byte by byte on the wire.
	for _, b := range append(frame(0x01, "sl"), frame(0x80, "ow")...) {
		c.send([]byte{b})
	}
	c.expect(0x81, "slow")
}

// Each of these breaks a rule; the close frame names it and is the last frame.
func TestProtocolErrors(t *testing.T) {
	t.Parallel()
	unmasked := []byte{0x81, 2, 'h', 'i'}
	tests := []struct {
		name string
		send [][]byte
		code int
	}{
		{"5.1 unmasked", [][]byte{unmasked}, 1002},
		{"5.2 rsv1 without an extension", [][]byte{frame(0xC1, "x")}, 1002},
		{"5.2 rsv2", [][]byte{frame(0xA1, "x")}, 1002},
		{"5.2 rsv3", [][]byte{frame(0x91, "x")}, 1002},
		{"5.2 opcode 3", [][]byte{frame(0x83, "x")}, 1002},
		{"5.2 opcode 11", [][]byte{frame(0x8B, "")}, 1002},
		{"5.2 length of 64 bits", [][]byte{{0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}}, 1002},
		{"5.4 continuation first", [][]byte{frame(0x80, "x")}, 1002},
		{"5.4 a second message inside", [][]byte{frame(0x01, "x"), frame(0x81, "y")}, 1002},
		{"5.5 fragmented ping", [][]byte{frame(0x09, "x")}, 1002},
		{"5.5 ping of 126 bytes", [][]byte{frame(0x89, strings.Repeat("x", 126))}, 1002},
		{"5.5.1 close of one byte", [][]byte{frame(0x88, "x")}, 1002},
		{"7.4 close code 999", [][]byte{frame(0x88, closePayload(999, ""))}, 1002},
		{"7.4 close code 1005", [][]byte{frame(0x88, closePayload(1005, ""))}, 1002},
		{"7.4 close code 1006", [][]byte{frame(0x88, closePayload(1006, ""))}, 1002},
		{"7.4 close code 2999", [][]byte{frame(0x88, closePayload(2999, ""))}, 1002},
		{"7.4 close code 5000", [][]byte{frame(0x88, closePayload(5000, ""))}, 1002},
		{"8.1 close reason", [][]byte{frame(0x88, closePayload(1000, "\xff"))}, 1007},
		{"8.1 text", [][]byte{frame(0x81, "a\xffb")}, 1007},
		{"8.1 text cut inside a rune", [][]byte{frame(0x81, "a\xe2\x82")}, 1007},
		{"8.1 long text", [][]byte{frame(0x81, strings.Repeat("é", 5000)+"\xff")}, 1007},
		{"8.1 fragment, before the message ends", [][]byte{frame(0x01, "a\xe2"), frame(0x00, "b")}, 1007},
		{"8.1 surrogate", [][]byte{frame(0x01, "\xed"), frame(0x80, "\xa0\x80")}, 1007},
		{"too big, announced", [][]byte{{0x82, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4}}, 1009},
		{"too big by one", [][]byte{{0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0, 1, 1, 2, 3, 4}}, 1009},
		{"too big in fragments", [][]byte{frame(0x02, strings.Repeat("x", 40000)), frame(0x00, strings.Repeat("x", 40000))[:14]}, 1009},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, nil, nil)
			c := s.dial(t, "", "")
			c.send(test.send...)
			c.expectClose(test.code)
			c.Close()
			cause := transport.CauseProtocol
			if test.code == 1009 {
				cause = transport.CauseTooBig
			}
			e := s.expectEnd(t, test.code, cause)
			if e.Err == nil {
				t.Error("no error says what was wrong")
			}
		})
	}
}

func TestFloods(t *testing.T) {
	t.Parallel()
	for name, f := range map[string][]byte{"pings": frame(0x89, ""), "pongs": frame(0x8A, ""), "empty fragments": frame(0x00, "")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, nil, nil)
			c := s.dial(t, "", "")
			if f[0] == 0 {
				c.send(frame(0x01, "x"))
			}
			go func() {
				for range 1000 {
					if _, err := c.Write(f); err != nil {
						return
					}
				}
			}()
			for {
				first, p := c.next()
				if first == 0x88 {
					if p != closePayload(1008, "") {
						t.Fatalf("closed with %x", p)
					}
					break
				}
			}
			s.expectEnd(t, 1008, transport.CauseProtocol)
		})
	}
}

// What Disconnect is told is the first close frame's code, or that there was
// none.
func TestClientCloses(t *testing.T) {
	t.Parallel()
	for _, code := range []int{1000, 1001, 1003, 1007, 1011, 1014, 3000, 4999, transport.CodeNoStatus} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			s := start(t, nil, nil)
			c := s.dial(t, "", "")
			p := ""
			if code != transport.CodeNoStatus {
				p = closePayload(code, "bye €")
			}
			// In one piece: what came after the socket was closed would reset it.
			c.send(append(frame(0x88, p), frame(0x81, "after the close frame")...))
			c.expectClose(code)
			e := s.expectEnd(t, code, transport.CauseClient)
			if want := strings.TrimPrefix(p, closePayload(code, "")); e.Reason != want {
				t.Errorf("reason %q, want %q", e.Reason, want)
			}
		})
	}
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		s := start(t, nil, nil)
		s.dial(t, "", "").Close()
		s.expectEnd(t, transport.CodeAbnormal, transport.CauseLost)
	})
}
