package transport_test

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gochannels/channels/consumer/internal/transport"
)

// RFC 6455 section 5.5.3: a pong has its ping's payload, whatever it is, and
// pongs come in the order of their pings.
func TestPongs(t *testing.T) {
	t.Parallel()
	s := start(t, nil, nil)
	c := s.dial(t, "", "")
	for _, p := range []string{"", "Hello", "\x00\xff\xfe\xfd\xfc\xfb\x00\xff", strings.Repeat("\xfe", 125)} {
		c.send(frame(0x89, p))
		c.expect(0x8A, p)
		for _, b := range frame(0x89, p) {
			c.send([]byte{b})
		}
		c.expect(0x8A, p)
	}
	var many []byte
	for i := range 10 {
		many = append(many, frame(0x89, fmt.Sprint("ping ", i))...)
	}
	c.send(many)
	for i := range 10 {
		c.expect(0x8A, fmt.Sprint("ping ", i))
	}
}

// RFC 6455 section 5.5.3: a pong that nobody asked for is no fault and gets no
// answer.
func TestUnsolicitedPongs(t *testing.T) {
	t.Parallel()
	s := start(t, nil, nil)
	c := s.dial(t, "", "")
	c.send(frame(0x8A, ""), frame(0x8A, "unasked"), frame(0x89, "asked"), frame(0x8A, ""), frame(0x81, "text"))
	c.expect(0x8A, "asked")
	c.expect(0x81, "text")
}

// RFC 6455 section 5.5: control frames are never fragmented and hold at most
// 125 bytes. The header alone is refused.
func TestControlFrameFaults(t *testing.T) {
	t.Parallel()
	s := start(t, nil, nil)
	for _, op := range []byte{0x8, 0x9, 0xA} {
		for name, head := range map[string][]byte{
			"fragment":           frame(op, "x"),
			"empty fragment":     frame(op, ""),
			"126 bytes":          frame(0x80|op, strings.Repeat("x", 126))[:8],
			"65536 bytes":        frame(0x80|op, strings.Repeat("x", 65536))[:14],
			"length in 16 bits":  {0x80 | op, 0xFE, 0, 1, 1, 2, 3, 4},
			"fragment, long too": {op, 0xFE, 0, 126, 1, 2, 3, 4},
		} {
			t.Run(fmt.Sprintf("%#x %s", op, name), func(t *testing.T) {
				t.Parallel()
				c := s.dial(t, "", "")
				c.send(head)
				c.expectClose(1002)
			})
		}
	}
	t.Run("a continuation of a ping", func(t *testing.T) {
		c := s.dial(t, "", "")
		c.send(append(frame(0x09, "a"), frame(0x80, "b")...))
		c.expectClose(1002)
	})
}

// RFC 6455 section 5.5: in a storm of data both ways, control frames are
// answered, in order, and tear nothing.
func TestControlFramesInAStorm(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *transport.Settings) { s.QueueBytes, s.Compression = 64<<20, true }, nil)
	c := s.dial(t, permessageDeflate, "")
	conn := <-s.conns
	const messages, pings = 600, 60
	message := func(i int) string { return fmt.Sprintf("%d %s", i, strings.Repeat("€", i%500)) }
	go func() {
		var out bytes.Buffer
		for i := range messages {
			text := message(i)
			cut := len(text) / 2
			if i%2 == 0 {
				out.Write(frame(0x81, text))
			} else {
				out.Write(frame(0x01, text[:cut]))
			}
			if i%(messages/pings) == 0 {
				out.Write(frame(0x89, fmt.Sprint("ping ", i)))
			}
			if i%2 != 0 {
				out.Write(frame(0x80, text[cut:]))
			}
			if out.Len() > 50000 || i == messages-1 {
				c.Write(out.Bytes())
				out.Reset()
			}
		}
	}()
	go func() { // of others in the groups
		for i := range messages {
			conn.Send(transport.NewFrame(true, []byte(message(i))), false)
		}
	}()
	texts, others, pongs := 0, 0, 0
	for texts < messages || others < messages || pongs < pings {
		first, p := c.next()
		if first&rsv1 != 0 {
			first, p = first&^rsv1, inflated(t, p)
		}
		switch {
		case first == 0x81 && p == message(texts):
			texts++
		case first == 0x82 && p == message(others):
			others++
		case first == 0x8A && p == fmt.Sprint("ping ", pongs*(messages/pings)):
			pongs++
		default:
			t.Fatalf("after %d echoes, %d messages and %d pongs: frame %#x %.40q", texts, others, pongs, first, p)
		}
	}
}

// RFC 6455 section 5.5.2: every ping is answered, also when it comes while more than
// QueueBytes are on their way to a client that reads.
func TestPongsBehindALargeMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		conn, client, end := stalling(t)
		big := strings.Repeat("x", 3<<20)
		conn.Send(transport.NewFrame(true, []byte(big)), true)
		for i := range 20 {
			client.Write(frame(0x89, fmt.Sprint("ping ", i)))
		}
		c := &raw{t: t, Conn: client, br: bufio.NewReader(client)}
		c.expect(0x82, big)
		for i := range 20 {
			c.expect(0x8A, fmt.Sprint("ping ", i))
		}
		client.Close()
		end()
	})
}
