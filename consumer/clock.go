package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gochannels/channels/consumer/internal/transport"
)

// clock looks at all connections of a handler several times a second: for
// silence, age, and readers kept by their handlers. One goroutine does so while
// there are connections.
type clock struct {
	h    *Handler
	step time.Duration
	rest time.Duration // restAfter
	tick atomic.Int64  // never 0

	mu   sync.Mutex
	quit chan struct{} // nil while the goroutine does not run
	done chan struct{} // closed when it has ended; nil before the first
}

// alive is what the clock keeps of a connection.
type alive struct {
	lastSeen, pingAt, expires, endSeen time.Time
	pos                                int   // in the handler's list, under its lock
	told                               int64 // since when the turn lasts that was told of
}

// maxStep is the longest time between two looks: a reader that its handler
// keeps for two of them is relieved.
const maxStep = 250 * time.Millisecond

// restAfter is the silence after which a reader that has handled messages is
// replaced by a new one, whose stack is small.
const restAfter = 5 * time.Second

func (c *clock) init(h *Handler) {
	c.h, c.rest = h, restAfter
	c.step = min(maxStep, h.opts.PingInterval/4, h.opts.PingTimeout/4)
	if h.opts.MaxAge > 0 {
		c.step = min(c.step, h.opts.MaxAge/4)
	}
	c.step = max(c.step, time.Millisecond)
	c.tick.Store(1)
}

// start is called when a connection was added.
func (c *clock) start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.quit == nil {
		before := c.done
		c.quit, c.done = make(chan struct{}), make(chan struct{})
		go c.run(before, c.quit, c.done)
	}
}

// stop is called, under the handler's lock, when the last one was removed.
func (c *clock) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.quit != nil {
		close(c.quit)
		c.quit = nil
	}
}

// running returns what is closed when the last connection is removed, or nil
// while there is none.
func (c *clock) running() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.quit
}

func (c *clock) run(before, quit, done chan struct{}) {
	pprof.SetGoroutineLabels(context.Background()) // not those of the connection that started it
	defer close(done)
	if before != nil {
		<-before // two at once would both be a connection's clock
	}
	ticker := time.NewTicker(c.step)
	defer ticker.Stop()
	var sessions []*session
	for {
		select {
		case <-quit:
			return
		case now := <-ticker.C:
			tick := c.tick.Add(1)
			sessions = c.h.snapshot(sessions)
			for i, s := range sessions {
				s.look(now, tick)
				sessions[i] = nil
			}
		}
	}
}

// born sets the clock's view of a new connection. The first pings of many that
// come together are spread over the interval.
func (s *session) born(now time.Time) {
	s.lastSeen = now.Add(-rand.N(s.opts.PingInterval))
	if age := s.opts.MaxAge; age > 0 {
		s.expires = now.Add(age - age/10 + rand.N(age/5+1))
	}
}

var errPingTimeout = errors.New("ping not answered")

// look is the clock's visit.
func (s *session) look(now time.Time, tick int64) {
	conn := s.conn.Load()
	s.relieve(tick - 1)
	if !s.ended.Load() {
		s.tellOverdue(tick)
	}
	switch {
	case s.ended.Load():
		// The reader ends the closing handshake; if it is stuck, we do.
		if s.lingered(now) {
			conn.Abort(&transport.EndError{Code: transport.CodeAbnormal, Cause: transport.CauseLost})
		}
	case conn.TakeSeen(), s.away():
		s.lastSeen, s.pingAt = now, time.Time{}
	case !s.pingAt.IsZero():
		if now.Sub(s.pingAt) >= s.opts.PingTimeout {
			conn.Abort(&transport.EndError{Code: transport.CodeAbnormal, Cause: transport.CausePingTimeout, Err: errPingTimeout})
		}
	case now.Sub(s.lastSeen) >= s.opts.PingInterval:
		s.pingAt = now
		conn.Ping()
	}
	if s.worn.Load() && s.busy.Load() == 0 && now.Sub(s.lastSeen) >= s.h.clock.rest {
		s.worn.Store(false)
		conn.Rest()
	}
	if !s.expires.IsZero() && now.After(s.expires) {
		s.expires = time.Time{}
		conn.Close(int(StatusServiceRestart), "")
	}
}

// tellOverdue tells of a hook or handler for which others have waited long.
func (s *session) tellOverdue(tick int64) {
	began := s.batches.Load()
	if began == 0 {
		began = s.servesSince()
	}
	if began == 0 || began == s.told || time.Duration(tick-began)*s.h.clock.step < s.opts.HandlerTimeout || !s.waits() {
		return
	}
	s.told = began
	s.count(overdue)
	s.opts.Logger.Log(s.ctx, s.notices.overdue.level(slog.LevelWarn), "consumer: messages wait for a hook or handler",
		"consumer", fmt.Sprintf("%T", s.c), "event", s.event(), "for", s.opts.HandlerTimeout)
}

// lingered reports whether the socket has had all the time that the closing
// handshake may take.
func (s *session) lingered(now time.Time) bool {
	if s.endSeen.IsZero() {
		s.endSeen = now
	}
	return now.Sub(s.endSeen) > closeTimeout+s.opts.WriteTimeout
}
