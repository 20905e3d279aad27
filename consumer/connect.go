package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/gochannels/channels/consumer/internal/transport"
)

// ServeHTTP implements http.Handler. See [Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	counts := h.counts.stripe()
	if status, text := transport.CheckRequest(w.Header(), r); status != 0 {
		counts.add(refusedHandshake)
		http.Error(w, text, status)
		return
	}
	if !h.origins.allowed(r) {
		counts.add(refusedOrigin)
		h.opts.Logger.Log(r.Context(), h.notices.origin.level(slog.LevelWarn), "consumer: handshake refused: this page may not connect, see Options.Origins",
			"origin", fmt.Sprintf("%.100q", r.Header["Origin"]), "host", r.Host)
		http.Error(w, "origin not allowed", http.StatusForbidden)
		return
	}
	if !transport.CanHijack(w) {
		counts.add(refusedHijack)
		h.opts.Logger.Log(r.Context(), h.notices.unusable.level(slog.LevelError), "consumer: the connection can't be taken over: middleware hides it, by a ResponseWriter with neither Hijack nor Unwrap",
			"writer", fmt.Sprintf("%T", w))
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	if !h.admit() {
		counts.add(refusedConnections)
		unavailable(w)
		return
	}
	switch { // from here on Shutdown waits
	case h.draining.Load():
		counts.add(refusedDraining)
	case h.connecting.Add(1) > int64(h.opts.ConnectConcurrency) && h.opts.ConnectConcurrency > 0:
		h.connecting.Add(-1)
		counts.add(refusedConcurrency)
	default:
		h.connect(w, r, counts)
		return
	}
	h.discharge()
	unavailable(w)
}

// unavailable answers 503. The time to wait is spread, so that those refused
// together don't come back together.
func unavailable(w http.ResponseWriter) {
	w.Header().Set("Retry-After", strconv.Itoa(1+rand.IntN(5)))
	http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
}

// connect carries a handshake from Connect to its answer. Connect has a
// goroutine of its own, so that one that ignores its context holds up neither
// the answer nor the server.
func (h *Handler) connect(w http.ResponseWriter, r *http.Request, counts *stripe) {
	s := newSession(h.plan, h.opts, counts, &h.notices, r.Context())
	s.h, s.scope = h, newScope(r)
	defer s.scope.request.Store(nil)
	hs := newHandshake(w, r)
	s.hs = hs
	timer := time.NewTimer(h.opts.ConnectTimeout)
	defer timer.Stop()
	h.connectors.run(s, hs)
	timeout, left := timer.C, r.Context().Done()
	for {
		select {
		case err := <-hs.done:
			s.connected(hs, err)
			return
		case <-timeout:
			if s.abandon(hs, refusedTimeout, context.DeadlineExceeded) {
				s.log(h.notices.refused.level(slog.LevelWarn), &EventError{Event: eventConnect}, "consumer: handshake refused: Connect ran for ConnectTimeout", "limit", h.opts.ConnectTimeout)
				return
			}
		case <-left:
			if s.abandon(hs, refusedGone, context.Cause(r.Context())) {
				return
			}
		}
		timeout, left = nil, nil // it was accepted
	}
}

// runConnect makes the consumer, joins its groups and runs its Connect.
func (s *session) runConnect(hs *handshake) {
	err := error(&PanicError{Value: "runtime.Goexit"})
	defer func() {
		s.leave()
		s.h.connecting.Add(-1)
		hs.done <- err
	}()
	s.enter()
	err = s.guard(&eventConnect, func() error {
		if err := s.bind(s.h.newConsumer()); err != nil {
			return errFactory{err}
		}
		if err := s.join(s.ctx); err != nil {
			return errJoin{err}
		}
		return s.c.Connect(s.ctx)
	})
	if err = s.judge(eventConnect, false, err); err == nil {
		s.answer(AcceptOptions{})
	}
}

// join opens the session's channel and puts it into the groups of the options.
func (s *session) join(ctx context.Context) error {
	if s.layer == nil {
		return nil
	}
	m, err := s.layer.NewChannel(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.mailbox, s.channel = m, m.Channel()
	s.mu.Unlock()
	if s.ended.Load() { // given up meanwhile: see release
		m.Close()
		return ErrNotConnected
	}
	for _, group := range s.opts.Groups {
		if err := s.layer.GroupAdd(ctx, group, s.channel); err != nil {
			return err
		}
	}
	return nil
}

// errFactory and errJoin tell faults before Connect from its own.
type (
	errFactory struct{ error }
	errJoin    struct{ error }
)

func (e errFactory) Unwrap() error { return e.error }
func (e errJoin) Unwrap() error    { return e.error }

// abandon gives up a handshake whose Connect still runs: its context is
// cancelled and its groups are left at once. It reports false if it was
// accepted meanwhile. The answer is for a client that is there: a request's
// context ends for other reasons too.
func (s *session) abandon(hs *handshake, why counter, cause error) bool {
	defer hs.decide()()
	switch {
	case s.conn.Load() != nil:
		return false
	case hs.tried:
		s.unaccepted(hs)
	default:
		s.giveUp(hs, why, cause)
		unavailable(hs.w)
	}
	return true
}

// unaccepted ends a handshake whose Accept failed. Mostly it was answered.
func (s *session) unaccepted(hs *handshake) {
	switch {
	case hs.panicked != nil:
		s.giveUp(hs, refusedPanic, http.ErrAbortHandler)
		panic(hs.panicked)
	case errors.Is(hs.failed, errDraining):
		s.giveUp(hs, refusedDraining, hs.failed)
		unavailable(hs.w)
	default:
		s.giveUp(hs, refusedGone, hs.failed)
	}
}

func (s *session) giveUp(hs *handshake, why counter, cause error) {
	s.ended.Store(true)
	s.forget(hs)
	s.refuse(why, cause)
}

// forget ends the connection's hold on its request.
func (s *session) forget(hs *handshake) {
	s.endConnect()
	s.ctx.settle(hs.r, nil)
}

// endConnect ends the time in which Accept and Close decide the answer.
func (s *session) endConnect() {
	s.mu.Lock()
	s.hs = nil
	s.mu.Unlock()
}

// connected acts on Connect's outcome, which may be an accepted connection
// already.
func (s *session) connected(hs *handshake, err error) {
	defer hs.decide()() // a goroutine of Connect's may be accepting
	switch {
	case s.conn.Load() != nil:
		s.endConnect()
		if err != nil {
			s.act(err)
		}
		s.open(hs.r)
	case hs.tried:
		s.unaccepted(hs)
	default:
		s.forget(hs)
		s.deny(hs.w, err)
	}
}

// open begins to serve an accepted connection.
func (s *session) open(r *http.Request) {
	defer s.start()
	s.after(eventKeep, false, s.guard(&eventKeep, func() error {
		s.ctx.settle(r, s.opts.Keep)
		return nil
	}))
}

// start lets messages come. If Connect ran for long after it had accepted, a
// relief is at the socket already.
func (s *session) start() {
	if s.busy.CompareAndSwap(s.opened, 0) {
		go s.read()
	} else {
		go func() {
			defer s.done()
			s.catchUp()
		}()
	}
	if s.mailbox == nil {
		return
	}
	if len(s.h.relays) > 0 {
		s.mailbox.Divert(s.divert)
	}
	s.mailbox.OnReady(s.wake)
}

// refuse ends a session that was never accepted.
func (s *session) refuse(why counter, cause error) {
	s.count(why)
	s.ended.Store(true)
	s.release(cause)
	s.h.discharge()
}
