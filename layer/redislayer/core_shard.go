package redislayer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/gochannels/channels/layer"
)

// coreShard is one server. Its run connects to it, and connects again.
type coreShard struct {
	layer  *Core
	index  int
	option rueidis.ClientOption
	clock  coreClock
	inbox  *coreInbox
	marker string // the key that tells whether the server has forgotten what we said

	session atomic.Pointer[coreSession] // nil while down

	mu     sync.Mutex
	up     chan struct{} // closed when there is a session; a new one when it is lost
	once   bool          // whether there has been a session
	lostAt time.Time     // when the last session was lost
	heard  time.Time     // when it was known to work last
	cause  error         // why it was lost, or the last attempt failed
}

// run keeps a session until ctx ends.
func (s *coreShard) run(ctx context.Context) {
	var wait backoff
	for {
		session, err := s.connectCore(ctx)
		if err == nil {
			wait.reset()
			s.serve(ctx, session)
		} else {
			s.failed(ctx, err)
		}
		if !pause(ctx, wait.next()) {
			return
		}
	}
}

// serve uses a session until it ends.
func (s *coreShard) serve(ctx context.Context, p *coreSession) {
	since, cause, lost := s.raise(p)
	if lost {
		s.layer.events.reconnects.Add(1)
		s.layer.events.log.Info("redislayer: connected again, and in all groups", "server", s.name(),
			"outage", time.Since(since).Round(time.Millisecond))
		s.layer.tellOutage(s, since, cause)
	}
	p.work.Go(p.beat)
	p.work.Go(p.read)
	<-p.ctx.Done()
	s.lower(p)
	if ctx.Err() == nil {
		s.layer.events.log.Warn("redislayer: lost the connection", "server", s.name(), "error", context.Cause(p.ctx))
	}
	s.layer.work.Go(p.close) // a silent server holds it up
}

func (s *coreShard) raise(p *coreSession) (since time.Time, cause error, lost bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	since, cause, lost = s.heard, s.cause, s.once
	s.once, s.cause, s.heard = true, nil, time.Now()
	s.session.Store(p)
	close(s.up)
	return since, cause, lost
}

func (s *coreShard) lower(p *coreSession) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.session.Store(nil)
	s.up = make(chan struct{})
	s.lostAt, s.cause = time.Now(), context.Cause(p.ctx)
}

// hear notes that the server has just answered a reader.
func (s *coreShard) hear() {
	s.mu.Lock()
	s.heard = time.Now()
	s.mu.Unlock()
}

// failed remembers why an attempt to connect failed, and logs the first of a kind.
func (s *coreShard) failed(ctx context.Context, err error) {
	s.mu.Lock()
	known := s.cause != nil && s.cause.Error() == err.Error()
	s.cause = err
	if errors.Is(err, errCluster) { // who waits need not go on
		close(s.up)
		s.up = make(chan struct{})
	}
	s.mu.Unlock()
	if !known && ctx.Err() == nil {
		s.layer.events.log.Warn("redislayer: cannot connect", "server", s.name(), "error", err)
	}
}

func (s *coreShard) wasUp() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.once
}

// name is for logs.
func (s *coreShard) name() string {
	switch {
	case s.option.Sentinel.MasterSet != "":
		return s.option.Sentinel.MasterSet
	case len(s.option.InitAddress) > 0:
		return redact(s.option.InitAddress[0])
	}
	return strconv.Itoa(s.index)
}

// await returns the session, and waits for one if that may come soon: the first, or the next just after a loss. Later the
// error comes at once, so that a server that stays away holds nobody up.
func (s *coreShard) await(ctx context.Context) (*coreSession, error) {
	if p := s.session.Load(); p != nil {
		return p, nil
	}
	s.mu.Lock()
	up, patience := s.up, time.Duration(-1)
	if s.once {
		patience = max(0, time.Until(s.lostAt.Add(grace)))
	}
	if errors.Is(s.cause, errCluster) {
		patience = 0
	}
	s.mu.Unlock()
	var over <-chan time.Time
	if patience >= 0 {
		t := time.NewTimer(patience)
		defer t.Stop()
		over = t.C
	}
	select {
	case <-up:
		if p := s.session.Load(); p != nil {
			return p, nil
		}
	case <-over:
	case <-ctx.Done():
	}
	return nil, s.downError(ctx)
}

func (s *coreShard) downError(ctx context.Context) error {
	if s.layer.closed.Load() {
		return layer.ErrClosed
	}
	s.mu.Lock()
	cause := s.cause
	s.mu.Unlock()
	if err := ctx.Err(); err != nil && context.Cause(ctx) != errTimeLimit { //nolint:errorlint // it is our own
		return unavailable(err)
	}
	return unavailable(cause)
}

// limit puts our own time limit on a call.
func (l *Core) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, l.opts.CallTimeout, errTimeLimit)
}

// failure maps an error of do or eval to that of the call, one that has changed nothing as far as it depended on us.
func failure(err error) error {
	if err == nil {
		return nil
	}
	return unavailable(clusterError(err))
}

// doubt is failure for a command that has an effect, if it arrived.
func doubt(err error) error {
	if err == nil {
		return nil
	}
	if e := (*unsentError)(nil); errors.As(err, &e) {
		return unavailable(err)
	}
	if errors.Is(err, errTimeLimit) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", layer.ErrOutcomeUnknown, err)
	}
	if err = clusterError(err); errors.Is(err, layer.ErrUnavailable) {
		return err
	}
	return outcome(err)
}

// clusterError replaces what a node of a cluster says.
func clusterError(err error) error {
	if e, ok := rueidis.IsRedisErr(err); ok {
		text := e.Error()
		for _, code := range []string{"MOVED ", "ASK ", "CROSSSLOT ", "CLUSTERDOWN "} {
			if len(text) > len(code) && text[:len(code)] == code {
				return fmt.Errorf("%w: %w", layer.ErrUnavailable, errCluster)
			}
		}
	}
	return err
}
