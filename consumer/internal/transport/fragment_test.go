package transport_test

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/gochannels/channels/consumer/internal/transport"
)

// RFC 6455 section 5.4, a case a line: what a client sends in one piece, and
// frame by frame, and what it gets. A code ends the connection, 0 does not.
func TestFragmentCases(t *testing.T) {
	t.Parallel()
	ping, pong := frame(0x89, "ping"), "\x8aping"
	begin, more, end := frame(0x01, "a"), frame(0x00, "b"), frame(0x80, "c")
	tests := []struct {
		name string
		send [][]byte
		want []string // a frame each: its first byte, its payload
		code int
	}{
		{"two fragments", [][]byte{begin, end}, []string{"\x81ac"}, 0},
		{"a ping between", [][]byte{begin, ping, end}, []string{pong, "\x81ac"}, 0},
		{"pings everywhere", [][]byte{ping, begin, ping, ping, more, ping, end, ping}, []string{pong, pong, pong, pong, "\x81abc", pong}, 0},
		{"a pong between", [][]byte{begin, frame(0x8A, ""), end}, []string{"\x81ac"}, 0},
		{"empty fragments", [][]byte{frame(0x01, ""), frame(0x00, ""), frame(0x80, "")}, []string{"\x81"}, 0},
		{"text only in the middle", [][]byte{frame(0x01, ""), more, frame(0x80, "")}, []string{"\x81b"}, 0},
		{"binary", [][]byte{frame(0x02, "\xff"), frame(0x80, "\xfe")}, []string{"\x82\xff\xfe"}, 0},
		{"one message after the other", [][]byte{begin, end, frame(0x02, "x"), end, begin, more, end}, []string{"\x81ac", "\x82xc", "\x81abc"}, 0},
		{
			"all lengths",
			[][]byte{frame(0x01, strings.Repeat("x", 125)), frame(0x00, strings.Repeat("y", 126)), frame(0x00, strings.Repeat("z", 5000)), end},
			[]string{"\x81" + strings.Repeat("x", 125) + strings.Repeat("y", 126) + strings.Repeat("z", 5000) + "c"},
			0,
		},
		{"last fragment of nothing", [][]byte{end, frame(0x81, "x")}, nil, 1002},
		{"fragment of nothing", [][]byte{more, frame(0x81, "x")}, nil, 1002},
		{"last fragment after a message", [][]byte{frame(0x81, "x"), end}, []string{"\x81x"}, 1002},
		{"fragment after a fragmented message", [][]byte{begin, end, more, begin, end}, []string{"\x81ac"}, 1002},
		{"a message in a message", [][]byte{begin, frame(0x81, "x")}, nil, 1002},
		{"a binary message in a text", [][]byte{begin, frame(0x82, "x")}, nil, 1002},
		{"a second beginning", [][]byte{begin, begin, end}, nil, 1002},
		{"a second beginning after a ping", [][]byte{begin, ping, frame(0x02, "x")}, []string{pong}, 1002},
		{"a close frame in a message", [][]byte{begin, frame(0x88, closePayload(1000, "")), end}, nil, 1000},
		{"a reserved opcode in a message", [][]byte{begin, frame(0x83, ""), end}, nil, 1002},
	}
	s := start(t, nil, nil)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, pieces := range [][][]byte{{bytes.Join(test.send, nil)}, test.send} {
				c := s.dial(t, "", "")
				for _, p := range pieces {
					c.Write(p) // nobody may be there any more
				}
				for _, want := range test.want {
					c.expect(want[0], want[1:])
				}
				switch {
				case test.code == 1000 && len(pieces) > 1: // and what follows it meets a closed socket
					c.expect(0x88, closePayload(1000, ""))
				case test.code != 0:
					c.expectClose(test.code)
				default:
					c.send(frame(0x81, "still there"))
					c.expect(0x81, "still there")
				}
				c.Close()
			}
		})
	}
}

// A message that never ends is refused where it exceeds the limit, however
// small its fragments are. RFC 6455 section 10.4.
func TestEndlessFragments(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *transport.Settings) { s.ReadLimit = 4096 }, nil)
	for _, n := range []int{1, 7, 1000, 4096} {
		t.Run(fmt.Sprint("of ", n), func(t *testing.T) {
			t.Parallel()
			c := s.dial(t, "", "")
			b := frame(0x02, strings.Repeat("x", n))
			for range 4096/n - 1 {
				b = append(b, frame(0x00, strings.Repeat("x", n))...)
			}
			c.send(b, frame(0x89, "within the limit"))
			c.expect(0x8A, "within the limit")
			c.send(frame(0x00, strings.Repeat("x", n)))
			c.expectClose(1009)
		})
	}
}

// RFC 6455 section 10.4: a length that was announced takes no memory, be it of
// one frame or of many.
func TestAnnouncedLengthTakesNoMemory(t *testing.T) { // not parallel: it looks at the heap
	s := start(t, func(s *transport.Settings) { s.ReadLimit = 1 << 30 }, nil)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	clients := make([]*raw, 100)
	for i := range clients {
		clients[i] = s.dial(t, "", "")
		clients[i].send(frame(0x02, "x"), frame(0x89, ""))
		clients[i].expect(0x8A, "")
		clients[i].send([]byte{0x80, 0xFF, 0, 0, 0, 0, 0x3F, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4, 'x'})
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.TotalAlloc - before.TotalAlloc); grown > 50<<20 {
		t.Errorf("%d connections that announced a gigabyte each took %d bytes", len(clients), grown)
	}
}
