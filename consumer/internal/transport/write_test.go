package transport_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gochannels/channels/consumer/internal/transport"
)

// Frames leave in the order in which one goroutine sent them, direct or not,
// and none is torn by a control frame.
func TestOrderInAStorm(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *transport.Settings) { s.QueueBytes = 64 << 20 }, nil)
	c := s.dial(t, "", "")
	conn := <-s.conns
	const senders, total = 4, 2000
	var wg sync.WaitGroup
	for g := range senders {
		wg.Go(func() {
			for i := range total {
				text := fmt.Appendf(nil, "%d %05d %s", g, i, filling(g, i))
				f := transport.NewFrame(false, text)
				if i%2 == 0 { // its memory is used again
					f, _ = transport.BuildOnce(false, func(b []byte) ([]byte, error) { return append(b, text...), nil })
				}
				if err := conn.Send(f, i%3 == 0); err != nil {
					t.Errorf("Send: %v", err)
					return
				}
				if i%100 == 0 {
					conn.Ping()
				}
			}
		})
	}
	next := [senders]int{}
	for got := 0; got < senders*total; {
		first, p := c.next()
		if first == 0x89 {
			continue
		}
		var g, i int
		if _, err := fmt.Sscanf(p, "%d %d", &g, &i); err != nil || first != 0x81 {
			t.Fatalf("frame %#x %.40q", first, p)
		}
		if next[g] != i || p[8:] != filling(g, i) {
			t.Fatalf("sender %d: got message %d with %.40q, want %d with %.40q", g, i, p[8:], next[g], filling(g, i))
		}
		next[g]++
		got++
	}
	wg.Wait()
	if n := s.dropped.Load(); n != 0 {
		t.Errorf("%d frames counted as dropped", n)
	}
}

func filling(g, i int) string { return strings.Repeat(string(rune('a'+(g+i)%26)), i%3000) }

// Close queues its frame behind what is queued; nothing follows it.
func TestCloseComesLast(t *testing.T) {
	t.Parallel()
	s := start(t, nil, nil)
	c := s.dial(t, "", "")
	conn := <-s.conns
	for i := range 50 {
		conn.Send(transport.NewFrame(false, fmt.Append(nil, i)), false)
	}
	var wg sync.WaitGroup
	wg.Go(func() { conn.Close(4001, "that's it") })
	wg.Wait()
	if err := conn.Send(transport.NewFrame(false, []byte("late")), true); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("Send after Close: %v", err)
	}
	conn.Close(4002, "again")
	conn.Ping()
	for i := range 50 {
		c.expect(0x81, fmt.Sprint(i))
	}
	c.expect(0x88, closePayload(4001, "that's it"))
	c.send(frame(0x81, "ignored"), frame(0x88, closePayload(4001, "")))
	if _, _, err := c.read(); err != io.EOF {
		t.Errorf("after both close frames: %v", err)
	}
	s.expectEnd(t, 4001, transport.CauseServer)
}

// A client that never answers our close frame is cut off.
func TestSilentPeerIsCutOff(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *transport.Settings) { s.CloseTimeout = 50 * time.Millisecond }, nil)
	c := s.dial(t, "", "")
	(<-s.conns).Close(1000, "")
	c.expectClose(1000)
}

func TestStalledClient(t *testing.T) {
	t.Parallel()
	fill := func(t *testing.T, s *server, conn *transport.Conn) (sent int, err error) {
		f := transport.NewFrame(true, make([]byte, 60<<10))
		for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
			if err := conn.Send(f, false); err != nil {
				return sent, err
			}
			sent++
			if sent > 2000 {
				t.Fatal("the queue has no bound")
			}
		}
		t.Fatal("never full")
		return 0, nil
	}
	t.Run("closed with 1013", func(t *testing.T) {
		t.Parallel()
		s := start(t, nil, nil)
		c := s.dial(t, "", "")
		conn := <-s.conns
		sent, err := fill(t, s, conn)
		if !errors.Is(err, transport.ErrSlow) {
			t.Fatalf("Send: %v", err)
		}
		s.expectEnd(t, transport.CodeTryLater, transport.CauseSlow)
		got := 0
		for {
			first, p := c.next()
			if first == 0x88 {
				if p != closePayload(1013, "") {
					t.Fatalf("closed with %x", p)
				}
				break
			}
			got++
		}
		if n := int(s.dropped.Load()); got+n != sent {
			t.Errorf("%d frames sent, %d arrived, %d counted as dropped", sent, got, n)
		}
	})
	t.Run("newest dropped", func(t *testing.T) {
		t.Parallel()
		s := start(t, func(s *transport.Settings) { s.DropNewest = true }, nil)
		c := s.dial(t, "", "")
		conn := <-s.conns
		sent, err := fill(t, s, conn)
		if !errors.Is(err, transport.ErrDropped) || conn.End() != nil {
			t.Fatalf("Send: %v, end %v", err, conn.End())
		}
		for range sent {
			if first, _ := c.next(); first != 0x82 {
				t.Fatalf("frame %#x", first)
			}
		}
	})
	t.Run("write deadline", func(t *testing.T) {
		t.Parallel()
		s := start(t, func(s *transport.Settings) { s.WriteTimeout, s.QueueBytes = 100*time.Millisecond, 64<<20 }, nil)
		c := s.dial(t, "", "")
		conn := <-s.conns
		if tcp, ok := c.Conn.(*net.TCPConn); ok {
			tcp.SetReadBuffer(4096)
		}
		f := transport.NewFrame(true, make([]byte, 1<<20))
		for range 60 {
			if conn.Send(f, false) != nil {
				break
			}
		}
		s.expectEnd(t, transport.CodeAbnormal, transport.CauseWriteTimeout)
	})
}

// A message larger than the queue's limit goes out when nothing waits.
func TestOneLargeMessage(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *transport.Settings) { s.QueueBytes = 1000 }, nil)
	c := s.dial(t, "", "")
	big := strings.Repeat("x", 5<<20)
	if err := (<-s.conns).Send(transport.NewFrame(false, []byte(big)), false); err != nil {
		t.Fatal(err)
	}
	c.expect(0x81, big)
}

// One message may be larger than the queue, whatever small ones wait before it
// or come after it; a second one may not.
func TestOneMessageMayBeLargerThanTheQueue(t *testing.T) {
	t.Parallel()
	large := transport.NewFrame(true, make([]byte, 8<<20))
	hello := transport.NewFrame(false, []byte("hello"))
	for _, direct := range []bool{false, true} {
		s := start(t, nil, nil) // QueueBytes is 1 MiB
		c := s.dial(t, "", "")
		conn := <-s.conns
		for i, f := range []*transport.Frame{hello, large, hello, hello} {
			if err := conn.Send(f, direct); err != nil {
				t.Fatalf("frame %d: %v", i, err)
			}
		}
		c.expect(0x81, "hello")
		if first, p := c.next(); first != 0x82 || len(p) != 8<<20 {
			t.Fatalf("frame %x of %d bytes", first, len(p))
		}
		c.expect(0x81, "hello")
		c.expect(0x81, "hello")
		// Nobody reads: the kernel takes some, one is on its way, one waits, and the next is too many.
		var err error
		for n := 0; n < 10 && err == nil; n++ {
			err = conn.Send(large, direct)
		}
		if err != transport.ErrSlow {
			t.Fatalf("large frames that wait: %v, want ErrSlow", err)
		}
	}
}

// Frames that are small are bounded in number: each takes more memory than its
// bytes.
func TestQueueBoundsTheNumberOfFrames(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *transport.Settings) { o.QueueBytes = 3200 }, nil)
	s.dial(t, "", "") // never reads
	conn := <-s.conns
	if err := conn.Send(transport.NewFrame(true, make([]byte, 32<<20)), true); err != nil {
		t.Fatal(err)
	}
	small, n := transport.NewFrame(false, []byte("x")), 0
	for ; conn.Send(small, false) == nil; n++ {
		if n > 1000 {
			t.Fatal("there is no end")
		}
	}
	if n < 90 || n > 110 { // of 3,200 / 32, and 1,066 by their bytes
		t.Errorf("%d frames of three bytes waited", n)
	}
}

// What a queue is said to hold is what it holds, also while it is taken from
// and does not run empty.
func TestQueueAccountsAreExact(t *testing.T) {
	t.Parallel()
	theirs, peer := net.Pipe() // a write is done when it has been read
	settings := &transport.Settings{
		ReadLimit: 1, QueueBytes: 1 << 20, WriteTimeout: time.Minute, CloseTimeout: time.Minute,
		Flushers: transport.NewFlushers(), Dropped: new(atomic.Int64),
	}
	conn := transport.NewConn(theirs, nil, false, settings, make(ends, 10))
	defer conn.Abort(&transport.EndError{Code: transport.CodeAbnormal})
	check := func() (frames int) {
		t.Helper()
		bytes, want, large, wantLarge, frames := transport.Accounts(conn)
		if bytes != want || large != wantLarge {
			t.Fatalf("%d bytes are counted and %d wait; a large frame: %v and %v", bytes, want, large, wantLarge)
		}
		return frames
	}
	sizes := []int{10, 2 << 20}
	for range 20 {
		sizes = append(sizes, 40<<10)
	}
	for _, n := range sizes {
		if err := conn.Send(transport.NewFrame(true, make([]byte, n)), true); err != nil {
			t.Fatal(err)
		}
		check()
	}
	br, partly := bufio.NewReaderSize(peer, 16), 0
	for range sizes {
		c := &raw{t: t, br: br}
		c.next()
		if n := check(); n > 0 && n < 20 {
			partly++
		}
	}
	if partly < 10 {
		t.Errorf("the queue was seen partly taken only %d times", partly)
	}
}
