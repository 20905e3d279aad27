package transport

import (
	"bytes"
	"errors"
	"os"
	"sync"
	"time"
)

// Send queues f and returns. With direct it first tries to write it, without
// blocking, if nothing is queued: the way for answers. Without, a flusher
// writes it, joined with what else is due: the way for broadcasts. nil means
// queued or written; the errors are ErrClosed, ErrSlow and ErrDropped.
func (c *Conn) Send(f *Frame, direct bool) error {
	b := f.bytes(c.deflate)
	c.mu.Lock()
	if c.closing.Load() {
		c.mu.Unlock()
		f.used()
		return ErrClosed
	}
	if c.full(len(b)) {
		if c.set.DropNewest {
			c.mu.Unlock()
			f.used()
			return ErrDropped
		}
		c.overflow()
		f.used()
		return ErrSlow
	}
	if !c.push(b, direct, f.own != nil) {
		f.used()
	}
	return nil
}

// full reports whether a frame of n bytes may not wait. One that is larger than
// the whole queue may, if no other such waits. mu is held.
func (c *Conn) full(n int) bool {
	switch limit := c.set.QueueBytes; {
	case len(c.queue) > limit/frameCost:
		return true
	case n > limit:
		return c.large
	default:
		return c.queued+n > limit
	}
}

// frameCost bounds how many small frames a queue of so many bytes may hold.
const frameCost = 32

// Ping queues a ping.
func (c *Conn) Ping() { c.control(opPing, nil) }

// control queues a ping or pong, beyond QueueBytes too: what is on its way may
// be one large message, and a ping must be answered. A peer that does not read
// gets no more of them than it may send pings until the writer's deadline.
func (c *Conn) control(op byte, payload []byte) {
	c.mu.Lock()
	if c.closing.Load() || len(c.queue) > c.set.QueueBytes/frameCost {
		c.mu.Unlock()
		return
	}
	c.push(controlFrame(op, payload), true, false)
}

// overflow ends a client that does not read. What waits is dropped, so that
// the close frame comes next. mu is held, and released.
func (c *Conn) overflow() {
	c.dropQueue()
	c.end = &EndError{Code: CodeTryLater, Cause: CauseSlow, Err: ErrSlow}
	e := c.end
	c.pushClose(e.Code, "")
	c.owner.Ended(e)
}

// push writes b, or queues it and sees to it that somebody writes: a copy, if b
// is to be used again. kept means that it is not free yet. mu is held, and
// released.
func (c *Conn) push(b []byte, direct, reused bool) (kept bool) {
	if direct && c.raw != nil && !c.writing && len(c.queue) == 0 {
		c.writing = true
		c.mu.Unlock()
		if n := c.try(b); n < len(b) {
			go c.drain(b, n)
			return true
		}
		c.mu.Lock()
		c.release()
		return false
	}
	if reused {
		b = bytes.Clone(b)
	}
	if c.queue == nil {
		c.store = stores.Get().(*[storeSize][]byte)
		c.queue = c.store[:0]
	}
	c.queue = append(c.queue, b)
	if len(b) > c.set.QueueBytes {
		c.large = true
	} else {
		c.queued += len(b)
	}
	c.schedule()
	return !reused
}

// storeSize is how many frames a queue holds without growing.
const storeSize = 32

// stores are where queues begin. A connection has one only while frames wait.
var stores = sync.Pool{New: func() any { return new([storeSize][]byte) }}

// emptied gives the queue's memory back. mu is held.
func (c *Conn) emptied() {
	c.queued, c.large = 0, false
	if c.store != nil {
		clear(c.store[:])
		stores.Put(c.store)
	}
	c.store, c.queue = nil, nil
}

// schedule sees to it that somebody writes the queue. mu is held, and released.
func (c *Conn) schedule() {
	if c.writing || c.dirty {
		c.mu.Unlock()
		return
	}
	if c.raw == nil {
		c.writing = true
		c.mu.Unlock()
		go c.drain(nil, 0)
		return
	}
	c.dirty = true
	c.mu.Unlock()
	c.set.Flushers.add(c)
}

// release gives the write side up. mu is held, and released.
func (c *Conn) release() {
	c.writing = false
	if len(c.queue) > 0 && !c.dead {
		c.schedule()
		return
	}
	if c.closing.Load() && !c.dead {
		c.closeWritten()
	}
	c.mu.Unlock()
}

// try writes what the socket takes now and returns how much that was. The
// caller owns the write side.
func (c *Conn) try(b []byte) (n int) {
	c.now = b
	if err := c.raw.Write(c.tryOut); err == nil { // else the writer meets it again
		n = len(b) - len(c.now)
	}
	c.now = nil
	return n
}

// maxJoin bounds what is joined for one write.
const maxJoin = 64 << 10

// due returns the frames at the head of the queue that make up the next write,
// at least one. mu is held.
func (c *Conn) due() [][]byte {
	n, size := 0, 0
	for n < len(c.queue) && (n == 0 || size+len(c.queue[n]) <= maxJoin) {
		size += len(c.queue[n])
		n++
	}
	return c.queue[:n]
}

// took removes n frames from the head of the queue. mu is held.
func (c *Conn) took(n int) {
	if n == len(c.queue) {
		c.emptied()
		return
	}
	for _, b := range c.queue[:n] {
		if len(b) > c.set.QueueBytes {
			c.large = false
		} else {
			c.queued -= len(b)
		}
	}
	left := copy(c.queue, c.queue[n:])
	clear(c.queue[left:])
	c.queue = c.queue[:left]
}

// join appends frames to b.
func join(b []byte, frames [][]byte) []byte {
	for _, f := range frames {
		b = append(b, f...)
	}
	return b
}

// drain writes b, of which n bytes are written, and then the queue, and gives
// the write side up. It blocks for WriteTimeout a write at most.
func (c *Conn) drain(b []byte, n int) {
	var joined []byte
	for {
		if n, err := c.writeAll(b, n); err != nil {
			c.writeFailed(b, n, err)
			return
		}
		c.mu.Lock()
		if len(c.queue) == 0 || c.dead {
			break
		}
		due := c.due()
		if b, n = due[0], 0; len(due) > 1 {
			joined = join(joined[:0], due)
			b = joined
		}
		c.took(len(due))
		c.mu.Unlock()
	}
	c.nc.SetWriteDeadline(time.Time{}) // an expired one would fail direct writes
	c.release()
}

// writeAll writes b from its n-th byte on, in pieces with a deadline each: a
// client that reads slowly is alive, and one that does not read is not. It
// returns how much of b is written in all.
func (c *Conn) writeAll(b []byte, n int) (int, error) {
	for n < len(b) {
		c.nc.SetWriteDeadline(time.Now().Add(c.set.WriteTimeout))
		written, err := c.nc.Write(b[n:min(len(b), n+maxJoin)])
		if n += written; err != nil {
			return n, err
		}
		c.seen.Store(true)
	}
	return n, nil
}

// writeFailed ends the connection whose writer got only n bytes of b, whole
// frames, to the socket.
func (c *Conn) writeFailed(b []byte, n int, err error) {
	c.set.Dropped.Add(int64(unsent(b, n)))
	e := &EndError{Code: CodeAbnormal, Cause: CauseLost, Err: err}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		e.Cause = CauseWriteTimeout
	}
	c.Abort(e)
}

// unsent counts the data frames of b that end behind its first n bytes.
func unsent(b []byte, n int) (frames int) {
	for end := 0; end < len(b); {
		control := b[end]&0x8 != 0
		if end += frameSize(b[end:]); end > n && !control {
			frames++
		}
	}
	return frames
}
