package consumer

import (
	"context"
	"runtime"
	"runtime/pprof"
	"sync"
	"time"
)

// runners handle the layer messages of a handler's connections: a goroutine a
// core, however many connections a broadcast wakes. They start when there is
// something to do and end when there is nothing.
//
// A handler may block, for a database say, and must not hold up the others. So
// the runners are watched while connections wait: where fewer than pace a core
// had their turn within patience, there are twice as many runners from then on.
type runners struct {
	mu      sync.Mutex
	due     []*session // those from next on wait
	next    int
	running int
	taken   int         // sessions that ever got a runner
	seen    int         // taken, when the watch looked last
	watch   *time.Timer // nil while nobody waits
}

const (
	patience = time.Millisecond
	pace     = 64
)

// add has a session's messages handled soon. The session is retained.
func (r *runners) add(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next > len(r.due)/2 {
		left := copy(r.due, r.due[r.next:])
		clear(r.due[left:])
		r.due, r.next = r.due[:left], 0
	}
	r.due = append(r.due, s)
	switch {
	case r.running < runtime.GOMAXPROCS(0):
		r.start()
	case r.watch == nil:
		r.look()
	}
}

// start starts a runner. mu is held.
func (r *runners) start() {
	r.running++
	go r.run()
}

// look has the runners watched. mu is held.
func (r *runners) look() {
	r.seen = r.taken
	var own *time.Timer
	own = time.AfterFunc(patience, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.watch != own { // it was stopped too late
			return
		}
		if r.taken-r.seen < pace*runtime.GOMAXPROCS(0) {
			for range min(r.running, len(r.due)-r.next) {
				r.start()
			}
		}
		if r.watch = nil; r.next < len(r.due) {
			r.look()
		}
	})
	r.watch = own
}

func (r *runners) run() {
	pprof.SetGoroutineLabels(context.Background()) // not those of whoever started it
	returned := false
	defer func() {
		if !returned { // a handler called runtime.Goexit
			go r.run()
		}
	}()
	for s := r.take(); s != nil; s = r.take() {
		s.takeDue()
	}
	returned = true
}

// maxKept bounds the list that is kept while nobody waits.
const maxKept = 1024

// take returns the session that has waited longest. If none waits it returns
// nil, and the runner is none any more.
func (r *runners) take() *session {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next < len(r.due) {
		s := r.due[r.next]
		r.due[r.next] = nil
		r.next++
		r.taken++
		return s
	}
	r.running--
	r.due, r.next = r.due[:0], 0
	if cap(r.due) > maxKept {
		r.due = nil
	}
	if r.watch != nil {
		r.watch.Stop()
		r.watch = nil
	}
	return nil
}
