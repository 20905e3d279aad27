package transport

import (
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Settings are shared by the connections of a handler and not changed after
// the first of them.
type Settings struct {
	ReadLimit    int           // bytes of a message, after inflation
	QueueBytes   int           // bytes that may wait for one client
	DropNewest   bool          // on a full queue; otherwise the client is closed with 1013
	WriteTimeout time.Duration // of a write that blocks
	CloseTimeout time.Duration // from our close frame to the client's
	Compression  bool          // agree to permessage-deflate without context takeover
	Flushers     *Flushers     // must be set
	Dropped      *atomic.Int64 // frames queued that never reached the socket; must be set
}

// Owner is told once of a connection's end: the first of a close frame sent or
// received, a failure, or an overflow. The call comes from whichever goroutine
// noticed, never under a lock of the connection, and must not block.
type Owner interface {
	Ended(*EndError)
}

// Conn is an accepted connection. Read may be called by one goroutine at a
// time, all else by any. The goroutine that calls Read must go on until Read
// fails: that is when the socket is closed, or left to a writer that will
// close it within the time-outs.
type Conn struct {
	nc      net.Conn
	raw     syscall.RawConn // nil where writes can't be tried: TLS, in-memory connections
	set     *Settings
	owner   Owner
	deflate int // how long a message may be to go out compressed; 0: compression was not agreed on
	sub     string
	seen    atomic.Bool
	closing atomic.Bool // a close frame is queued or sent; set under mu
	resting atomic.Bool // Rest was called, and no read has met its deadline yet

	in reader

	mu         sync.Mutex
	queue      [][]byte
	store      *[storeSize][]byte // where queue began
	queued     int                // bytes of queue, but for a frame that is larger than it may be
	large      bool               // queue holds such a frame
	now        []byte
	tryOut     func(fd uintptr) bool
	writing    bool // one goroutine owns the write side
	dirty      bool // on a flusher's list
	flushed    bool // our close frame is with the kernel
	peerClosed bool // the client's close frame came
	dead       bool // the socket is closed
	end        *EndError
}

func newConn(nc net.Conn, early []byte, deflate int, s *Settings, owner Owner) *Conn {
	c := &Conn{nc: nc, set: s, owner: owner, deflate: deflate}
	if c.raw = rawConn(nc); c.raw != nil {
		c.tryOut = c.writeOnce
	}
	c.in.init(c, early)
	return c
}

// NetConn returns the socket, for its address and for tests. It must not be
// read, written or closed.
func (c *Conn) NetConn() net.Conn { return c.nc }

// Subprotocol returns what was agreed on, or "".
func (c *Conn) Subprotocol() string { return c.sub }

// Compressed reports whether permessage-deflate was agreed on.
func (c *Conn) Compressed() bool { return c.deflate > 0 }

// TakeSeen reports whether the client gave a sign of life since the last call:
// something was read, or a write that was blocked went on.
func (c *Conn) TakeSeen() bool { return c.seen.Load() && c.seen.Swap(false) }

// End returns how the connection ended, or nil.
func (c *Conn) End() *EndError {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.end
}

// Close queues a close frame behind what is queued and returns. The code must
// be one that CheckCode passes. It does nothing after the end.
func (c *Conn) Close(code int, reason string) {
	c.closeWith(&EndError{Code: code, Reason: CutReason(reason), Cause: CauseServer})
}

// Abort closes the socket at once; what is queued is dropped and counted.
func (c *Conn) Abort(e *EndError) {
	c.mu.Lock()
	first := c.end == nil
	if first {
		c.end = e
	}
	c.die()
	c.mu.Unlock()
	if first {
		c.owner.Ended(e)
	}
}

// socket returns what is closed: under TLS the socket below it. To take leave
// might block, and both close frames are through or there is nobody to take
// leave of.
func (c *Conn) socket() net.Conn {
	if inner, ok := c.nc.(interface{ NetConn() net.Conn }); ok {
		return inner.NetConn()
	}
	return c.nc
}

// die closes the socket and drops the queue. mu is held.
func (c *Conn) die() {
	if c.dead {
		return
	}
	c.dead = true
	c.closing.Store(true)
	c.dropQueue()
	c.socket().Close()
}

func (c *Conn) dropQueue() {
	for _, b := range c.queue {
		if b[0]&0x8 == 0 { // not a control frame
			c.set.Dropped.Add(1)
		}
	}
	c.emptied()
}

// closeWith queues the close frame that e asks for and records e, unless the
// connection has ended already.
func (c *Conn) closeWith(e *EndError) {
	c.mu.Lock()
	if c.end != nil || c.dead {
		c.mu.Unlock()
		return
	}
	c.end = e
	c.pushClose(e.Code, e.Reason) // unlocks
	c.owner.Ended(e)
}

// pushClose queues a close frame, the last of all frames. mu is held, and
// released.
func (c *Conn) pushClose(code int, reason string) {
	c.closing.Store(true)
	c.push(closeFrame(code, reason), true, false)
}

// closeWritten is called by the writer when the queue ran empty after the
// close frame. mu is held.
func (c *Conn) closeWritten() {
	c.flushed = true
	if c.peerClosed {
		c.die()
		return
	}
	c.nc.SetReadDeadline(time.Now().Add(c.set.CloseTimeout))
	if c.end.Cause == CauseProtocol || c.end.Cause == CauseTooBig {
		// What the client still sends can't be understood. Our end of the
		// stream tells it that nothing follows; closing the socket with unread
		// bytes would reset it and lose the close frame.
		if half, ok := c.socket().(interface{ CloseWrite() error }); ok {
			half.CloseWrite()
		}
	}
}
