package transport

import (
	"runtime"
	"sync"
	"time"
)

// readSize is the size of the buffers that connections share. A connection
// holds one only from the arrival of bytes until they are used up.
const readSize = 4 << 10

var buffers = sync.Pool{New: func() any { return new([readSize]byte) }}

// reader is the reading side of a connection: bytes read and not yet used.
type reader struct {
	c     *Conn
	buf   *[readSize]byte // nil while nothing is buffered
	r, w  int             // buf[r:w] is unread
	early []byte          // what came with the handshake beyond a buffer's size
	tryIn func(fd uintptr) bool
	err   error // of tryIn

	yielded bool // at the last rest
	assembly
}

func (in *reader) init(c *Conn, early []byte) {
	in.c, in.early = c, early
	in.tokens = controlBurst
	if c.raw != nil {
		in.tryIn = in.readOnce
	}
}

// rest is called between messages: what is not needed goes back to its pool.
func (in *reader) rest() {
	if in.data != nil {
		in.free(in.data)
		in.data = nil
	}
	if in.buf != nil && in.r == in.w {
		buffers.Put(in.buf)
		in.buf, in.r, in.w = nil, 0, 0
		in.yield()
	}
}

// yield lets other goroutines go first, every other time that all is used up.
// By the time this one goes on its client has often sent more, if there is much
// to do, and a read that would find nothing and a wait for the poller are
// saved. Not every time: while nobody waits for the poller it is not asked
// either, and those whose clients were slower would wait for ten times as long.
func (in *reader) yield() {
	if in.yielded = !in.yielded; in.yielded {
		runtime.Gosched()
	}
}

// detach leaves the last message to whoever holds it, and copies what is
// unread.
func (in *reader) detach() {
	in.data = nil
	if in.buf == nil {
		return
	}
	buf := buffers.Get().(*[readSize]byte)
	in.r, in.w = 0, copy(buf[:], in.buf[in.r:in.w])
	in.buf = buf
}

// drop gives everything back at the end.
func (in *reader) drop() {
	in.r, in.w = 0, 0
	in.rest()
}

func (in *reader) free(b *[]byte) {
	if cap(*b) <= maxPooled {
		messages.Put(b)
	}
}

// peek returns the next n bytes, at most readSize, without using them up.
func (in *reader) peek(n int) ([]byte, error) {
	for in.w-in.r < n {
		if err := in.more(); err != nil {
			return nil, err
		}
	}
	return in.buf[in.r : in.r+n], nil
}

func (in *reader) skip(n int) { in.r += n }

// view returns the next n bytes and uses them up. They are valid until more
// is read.
func (in *reader) view(n int) ([]byte, error) {
	if n == 0 {
		return nil, nil
	}
	p, err := in.peek(n)
	in.skip(len(p))
	return p, err
}

// has reports whether the next n bytes came already.
func (in *reader) has(n int) bool { return in.w-in.r >= n }

// some reads at least one byte into p.
func (in *reader) some(p []byte) (n int, err error) {
	if in.r < in.w {
		n = copy(p, in.buf[in.r:in.w])
		in.r += n
		return n, nil
	}
	if len(in.early) > 0 {
		n = copy(p, in.early)
		in.early = in.early[n:]
		return n, nil
	}
	for n == 0 && err == nil {
		n, err = in.c.nc.Read(p)
		if n == 0 && in.c.rested(err) {
			err = nil
			continue
		}
		in.saw()
	}
	if n > 0 {
		err = nil // the next read meets it again
	}
	return n, err
}

// more reads at least one byte behind what is buffered. A connection with
// nothing buffered waits without a buffer, where the socket allows that.
func (in *reader) more() error {
	if in.buf != nil && in.r > 0 {
		in.w = copy(in.buf[:], in.buf[in.r:in.w])
		in.r = 0
	}
	if len(in.early) > 0 {
		in.hold()
		n := copy(in.buf[in.w:], in.early)
		in.w += n
		in.early = in.early[n:]
		return nil
	}
	in.early = nil
	if in.tryIn == nil {
		in.hold()
		n, err := in.c.nc.Read(in.buf[in.w:])
		in.w += n
		in.saw()
		if n > 0 {
			return nil
		}
		return err
	}
	if in.w == 0 && in.buf != nil {
		buffers.Put(in.buf)
		in.buf = nil
	}
	in.err = nil
	for {
		err := in.c.raw.Read(in.tryIn)
		if err == nil {
			break
		}
		if !in.c.rested(err) {
			return err
		}
		if in.buf == nil && in.opcode == 0 {
			return ErrRest
		}
	}
	in.saw()
	return in.err
}

func (in *reader) hold() {
	if in.buf == nil {
		in.buf = buffers.Get().(*[readSize]byte)
	}
}

func (in *reader) saw() {
	if !in.c.seen.Load() {
		in.c.seen.Store(true)
	}
}

// spend takes a token for a frame that carries no data.
func (in *reader) spend() error {
	now := time.Now()
	if !in.since.IsZero() {
		in.tokens = min(controlBurst, in.tokens+controlRate*now.Sub(in.since).Seconds())
	}
	in.since = now
	if in.tokens < 1 {
		return errFlood
	}
	in.tokens--
	return nil
}
