package redislayer

import (
	"context"
	"errors"
	"fmt"
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
	last   string // what stops the reader of the last session; of run alone

	asserted atomic.Pointer[time.Time] // when all memberships were asserted last
	absent   time.Time                 // zero, or since when there were some missing that connectCore has made again; of run alone

	link[coreSession]
}

// run keeps a session until ctx ends.
func (s *coreShard) run(ctx context.Context) {
	wait := retries(s.option)
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
	if outage, lost := s.raise(p); lost {
		if !s.absent.IsZero() && s.absent.Before(outage.since) {
			outage.since = s.absent
		}
		s.absent = time.Time{}
		s.layer.events.reconnects.Add(1)
		s.layer.events.log.Info("redislayer: connected again, and in all groups", "server", s.name(),
			"outage", outage.length.Round(time.Millisecond))
		s.layer.tellOutage(s, outage)
	}
	p.work.Go(p.beat)
	p.work.Go(p.read)
	<-p.ctx.Done()
	s.lower(context.Cause(p.ctx), p.lastSure())
	if ctx.Err() == nil {
		s.layer.events.log.Warn("redislayer: lost the connection", "server", s.name(), "error", context.Cause(p.ctx))
	}
	s.layer.work.Go(p.close) // a silent server holds it up
}

// failed remembers why an attempt to connect failed, and logs the first of a kind.
func (s *coreShard) failed(ctx context.Context, err error) {
	if s.link.failed(err) && ctx.Err() == nil {
		s.layer.events.log.Warn("redislayer: cannot connect", "server", s.name(), "error", err)
	}
}

func (s *coreShard) name() string { return serverName(s.option, s.index) }

// await returns the session, and waits for one if that may come soon.
func (s *coreShard) await(ctx context.Context) (*coreSession, error) {
	if p := s.link.await(ctx); p != nil {
		return p, nil
	}
	if s.layer.closed.Load() {
		return nil, layer.ErrClosed
	}
	if err := ctx.Err(); err != nil && context.Cause(ctx) != errTimeLimit { //nolint:errorlint // it is our own
		return nil, unavailable(err)
	}
	return nil, unavailable(s.reason())
}

// overdue is the error of a call that our own time limit has ended.
func (s *coreShard) overdue() error {
	if s.session.Load() == nil {
		return unavailable(s.reason())
	}
	return doubt(errTimeLimit)
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
