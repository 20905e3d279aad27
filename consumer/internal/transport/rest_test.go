package transport_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gochannels/channels/consumer/internal/transport"
)

// restful echoes, and tells of each ErrRest.
func restful(rests chan struct{}) func(*transport.Conn) {
	return func(c *transport.Conn) {
		for {
			m, err := c.Read()
			if err == transport.ErrRest {
				rests <- struct{}{}
				continue
			}
			if err != nil {
				return
			}
			c.Send(transport.NewFrame(m.Binary, m.Data), true)
		}
	}
}

// A Read that waits between messages is interrupted, and nothing else is.
func TestRestInterruptsReadBetweenMessages(t *testing.T) {
	t.Parallel()
	rests := make(chan struct{}, 1000)
	s := start(t, nil, restful(rests))
	c := s.dial(t, "", "")
	conn := <-s.conns
	for range 3 {
		conn.Rest()
		<-rests
		c.send(frame(0x81, "on"))
		c.expect(0x81, "on")
	}
	long := strings.Repeat("x", 40<<10)
	whole := frame(0x81, long)
	for i, cut := range []int{1, 5, 10, 5 << 10, len(whole) - 1} {
		conn.TakeSeen()
		c.send(whole[:cut])
		for !conn.TakeSeen() { // until the server has read some of it
			runtime.Gosched()
		}
		conn.Rest()
		c.send(whole[cut:])
		c.expect(0x81, long)
		c.send(frame(0x81, "after"))
		c.expect(0x81, "after")
		if len(rests) > i+1 {
			t.Fatalf("%d rests after %d calls", len(rests), i+1)
		}
	}
	c.send(frame(0x01, "a fragment, "))
	conn.Rest()
	c.send(frame(0x80, "and the last"))
	c.expect(0x81, "a fragment, and the last")
	c.send(frame(0x88, "\x03\xe8"))
	c.expectClose(1000)
	s.expectEnd(t, 1000, transport.CauseClient)
}

// Resting does not get into the way of the closing handshake's time-out.
func TestRestBeforeClose(t *testing.T) {
	t.Parallel()
	rests := make(chan struct{}, 10)
	s := start(t, func(o *transport.Settings) { o.CloseTimeout = 200 * time.Millisecond }, restful(rests))
	c := s.dial(t, "", "")
	conn := <-s.conns
	conn.Rest()
	conn.Close(1001, "")
	conn.Rest()
	c.expectClose(1001) // and the end, though this client does not answer
	s.expectEnd(t, 1001, transport.CauseServer)
}

// A rest before a close costs nothing of what is queued before the close frame.
func TestRestBeforeCloseBehindAQueue(t *testing.T) {
	t.Parallel()
	const frames = 200
	closed := make(chan struct{})
	s := start(t, func(o *transport.Settings) { o.QueueBytes = 64 << 20 }, func(c *transport.Conn) {
		f := transport.NewFrame(true, make([]byte, 64<<10))
		for range frames {
			c.Send(f, false)
		}
		c.Rest()
		c.Close(1012, "")
		close(closed)
		for {
			if _, err := c.Read(); err != nil && err != transport.ErrRest {
				return
			}
		}
	})
	c := s.dial(t, "", "")
	<-closed
	for i := range frames {
		if first, p := c.next(); first != 0x82 || len(p) != 64<<10 {
			t.Fatalf("frame %d is %#x with %d bytes", i, first, len(p))
		}
	}
	if first, p := c.next(); first != 0x88 || p != closePayload(1012, "") {
		t.Errorf("got %#x %q, want a close frame", first, p)
	}
	c.send(frame(0x88, closePayload(1012, "")))
	s.expectEnd(t, 1012, transport.CauseServer)
}

// Messages and rests at the same time lose neither.
func TestRestAmidTraffic(t *testing.T) {
	t.Parallel()
	rests := make(chan struct{}, 100000)
	s := start(t, nil, restful(rests))
	c := s.dial(t, "", "")
	conn := <-s.conns
	for range 300 {
		text := frame(0x81, "hello")
		c.send(text[:3])
		conn.Rest()
		c.send(text[3:])
		conn.Rest()
		c.expect(0x81, "hello")
		conn.Rest()
	}
	if len(rests) == 0 {
		t.Error("no Read was interrupted")
	}
}
