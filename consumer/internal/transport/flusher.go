package transport

import (
	"bytes"
	"context"
	"runtime"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"unsafe"
)

// Flushers write what broadcasts queued: a goroutine a core, each with a list
// of the connections that have frames due. They never block on a socket. A
// goroutine starts when its list gets a first entry and ends when it is empty.
type Flushers struct {
	next  atomic.Uint32
	cores []flusher
}

// NewFlushers returns flushers for GOMAXPROCS cores.
func NewFlushers() *Flushers { return &Flushers{cores: make([]flusher, runtime.GOMAXPROCS(0))} }

type flusher struct {
	mu      sync.Mutex
	due     []*Conn
	spare   []*Conn
	running bool
	frames  [][]byte // of the connection before, and joined
	joined  []byte
	_       [64]byte // the next core's
}

// spread is how many connections go to one flusher before the next has its
// turn: a long run shares the joined bytes, a short one shares the work.
const spread = 64

func (f *Flushers) add(c *Conn) {
	n := f.next.Add(1)
	core := &f.cores[int(n/spread)%len(f.cores)]
	core.mu.Lock()
	core.due = append(core.due, c)
	start := !core.running
	core.running = true
	core.mu.Unlock()
	if start {
		go core.run()
	}
}

func (f *flusher) run() {
	pprof.SetGoroutineLabels(context.Background()) // not those of whoever started it
	for {
		f.mu.Lock()
		if len(f.due) == 0 {
			f.running = false
			f.frames, f.joined = nil, nil
			f.mu.Unlock()
			return
		}
		due := f.due
		f.due = f.spare[:0]
		f.mu.Unlock()
		for i, c := range due {
			f.flush(c)
			due[i] = nil
		}
		f.spare = due
	}
}

// flush writes all that is queued for c with one write, if nobody else does.
func (f *flusher) flush(c *Conn) {
	c.mu.Lock()
	c.dirty = false
	if c.writing || len(c.queue) == 0 || c.dead {
		c.mu.Unlock()
		return
	}
	f.take(c)
	c.writing = true
	c.mu.Unlock()
	if n := c.try(f.joined); n < len(f.joined) {
		go c.drain(bytes.Clone(f.joined), n)
		return
	}
	c.mu.Lock()
	c.release()
}

// take joins the frames at the head of c's queue. Mostly all connections of a
// run hold the same ones, and then the bytes joined for the one before serve.
func (f *flusher) take(c *Conn) {
	due := c.due()
	if !same(f.frames, due) {
		f.frames = append(f.frames[:0], due...)
		f.joined = join(f.joined[:0], due)
	}
	c.took(len(due))
}

// same reports whether a and b hold the very same frames.
func same(a, b [][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if len(a[i]) != len(b[i]) || unsafe.SliceData(a[i]) != unsafe.SliceData(b[i]) {
			return false
		}
	}
	return true
}
