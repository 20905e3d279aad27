package transport_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gochannels/channels/consumer/internal/transport"
)

const (
	writeTimeout = 10 * time.Second
	closeTimeout = 5 * time.Second
)

// stalling is a connection in a bubble, where time stands still unless all
// wait, and the raw end of its client, which holds nothing back for others to read.
func stalling(t *testing.T) (conn *transport.Conn, client net.Conn, end func() (*transport.EndError, time.Duration)) {
	t.Helper()
	began := time.Now()
	settings := &transport.Settings{
		ReadLimit: 64 << 10, QueueBytes: 1 << 20, WriteTimeout: writeTimeout, CloseTimeout: closeTimeout,
		Flushers: transport.NewFlushers(), Dropped: new(atomic.Int64),
	}
	server, client := net.Pipe()
	ended, done := make(ends, 10), make(chan struct{})
	conn = transport.NewConn(server, nil, false, settings, ended)
	go func() {
		defer close(done)
		echo(conn)
	}()
	return conn, client, func() (*transport.EndError, time.Duration) {
		t.Helper()
		<-done
		if len(ended) != 1 {
			t.Fatalf("ended %d times", len(ended))
		}
		return <-ended, time.Since(began)
	}
}

// A client that stops reading is cut off WriteTimeout after the write that
// blocked, and nobody who sends is held up.
func TestReaderThatStalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		conn, client, end := stalling(t)
		for range 10 {
			if err := conn.Send(transport.NewFrame(false, []byte("unread")), true); err != nil {
				t.Error(err)
			}
		}
		if e, after := end(); e.Cause != transport.CauseWriteTimeout || e.Code != transport.CodeAbnormal || after != writeTimeout {
			t.Errorf("ended after %v with %v", after, e)
		}
		if _, err := client.Write([]byte{1}); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("the socket is still open: %v", err)
		}
	})
}

// A client that reads slowly is alive: the time-out is of a piece, not of all
// that waits.
func TestReaderThatIsSlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		conn, client, end := stalling(t)
		const messages = 15
		for range messages {
			if err := conn.Send(transport.NewFrame(true, make([]byte, 60<<10)), false); err != nil {
				t.Fatal(err)
			}
		}
		began, got, alive, buf := time.Now(), 0, 0, make([]byte, 8<<10)
		for got < messages*(60<<10+4) {
			time.Sleep(time.Second) // in the bubble
			n, err := client.Read(buf)
			if err != nil {
				t.Fatalf("after %d bytes and %v: %v", got, time.Since(began), err)
			}
			got += n
			if conn.TakeSeen() {
				alive++
			}
		}
		if took := time.Since(began); took < 5*writeTimeout {
			t.Errorf("read all within %v, which proves nothing", took)
		}
		if alive < messages-3 { // one a piece of 64 KiB
			t.Errorf("%d signs of life", alive)
		}
		client.Close()
		if e, _ := end(); e.Cause != transport.CauseLost {
			t.Errorf("ended with %v", e)
		}
	})
}

// A client that sends a byte now and then, or stops inside a frame, holds up
// nothing but itself: a close frame goes out at once, and when it isn't
// answered, the socket is closed CloseTimeout later.
func TestWriterThatStalls(t *testing.T) {
	t.Parallel()
	whole := frame(0x01, strings.Repeat("x", 30000))
	for name, sent := range map[string][]byte{
		"before the first byte":  nil,
		"after one byte":         whole[:1],
		"inside a length":        whole[:3],
		"inside a mask":          whole[:6],
		"inside a payload":       whole[:5000],
		"inside a short payload": frame(0x81, "short")[:8],
		"between fragments":      whole,
		"inside a ping":          frame(0x89, "ping")[:7],
		"inside a close frame":   frame(0x88, closePayload(1000, "bye"))[:9],
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				conn, client, end := stalling(t)
				for _, b := range sent[:min(len(sent), 20)] {
					time.Sleep(time.Minute) // in the bubble
					client.Write([]byte{b})
				}
				if len(sent) > 20 {
					client.Write(sent[20:])
				}
				closed := time.Now()
				conn.Close(4000, "")
				got, err := io.ReadAll(client)
				if string(got) != "\x88\x02"+closePayload(4000, "") || err != nil {
					t.Errorf("read %x, %v", got, err)
				}
				e, _ := end()
				if e.Code != 4000 || time.Since(closed) != closeTimeout {
					t.Errorf("ended %v after Close with %v", time.Since(closed), e)
				}
			})
		})
	}
}

// A client that is told of its fault, and neither leaves nor reads, does not
// keep its connection.
func TestStallAfterAFault(t *testing.T) {
	t.Parallel()
	for name, reads := range map[string]bool{"reads": true, "does not read": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				_, client, end := stalling(t)
				client.Write(frame(0x83, ""))
				if reads {
					go io.Copy(io.Discard, client)
				}
				e, after := end()
				if e.Code != 1002 || after != closeTimeout {
					t.Errorf("ended after %v with %v", after, e)
				}
			})
		})
	}
}

// A half-open peer is one that is gone without a word. Nothing is noticed until
// something is sent, and then it is within WriteTimeout: here Close is what is sent.
func TestHalfOpenPeer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		conn, _, end := stalling(t)
		time.Sleep(time.Hour) // in the bubble
		conn.Close(1001, "")
		if e, after := end(); e.Code != 1001 || after > time.Hour+writeTimeout+closeTimeout {
			t.Errorf("ended after %v with %v", after, e)
		}
	})
}

// What a client got before its write timed out is not counted as dropped, and
// all else is.
func TestDroppedIsWhatDidNotCome(t *testing.T) {
	t.Parallel()
	const frames = 20000
	change := func(o *transport.Settings) { o.QueueBytes, o.WriteTimeout = 64<<20, 300*time.Millisecond }
	s := start(t, change, func(c *transport.Conn) {
		small, large := transport.NewFrame(true, make([]byte, 100)), transport.NewFrame(true, make([]byte, 1000))
		for range frames / 2 {
			c.Send(small, false)
			c.Send(large, false)
		}
		for {
			if _, err := c.Read(); err != nil {
				return
			}
		}
	})
	c := s.dial(t, "", "")
	s.expectEnd(t, 1006, transport.CauseWriteTimeout)
	came := 0
	for _, _, err := c.read(); err == nil; _, _, err = c.read() {
		came++
	}
	if dropped := int(s.dropped.Load()); came+dropped != frames || came == 0 || dropped == 0 {
		t.Errorf("%d frames came and %d were dropped of %d", came, dropped, frames)
	}
}
