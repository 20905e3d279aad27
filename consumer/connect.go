package consumer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
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
		http.Error(w, "origin not allowed", http.StatusForbidden)
		return
	}
	switch {
	case h.draining.Load():
		counts.add(refusedDraining)
		unavailable(w)
		return
	case h.opts.ConnectConcurrency > 0 && h.connecting.Add(1) > int64(h.opts.ConnectConcurrency):
		h.connecting.Add(-1)
		counts.add(refusedConcurrency)
		unavailable(w)
		return
	}
	if h.opts.ConnectConcurrency > 0 {
		defer h.connecting.Add(-1)
	}
	if n := h.admitted.Add(1); h.opts.MaxConnections > 0 && n > int64(h.opts.MaxConnections) {
		h.admitted.Add(-1)
		counts.add(refusedConnections)
		unavailable(w)
		return
	}
	h.connect(w, r, counts)
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
	s := newSession(h.plan, h.opts, counts, r.Context())
	s.h, s.scope = h, newScope(r)
	defer s.scope.request.Store(nil)
	s.hs = &handshake{
		accept: make(chan AcceptOptions), result: make(chan error),
		done: make(chan error, 1), gone: make(chan struct{}),
	}
	hs := s.hs
	timer := time.NewTimer(h.opts.ConnectTimeout)
	defer timer.Stop()
	go s.runConnect(hs)

	timeout, left := timer.C, r.Context().Done()
	for {
		select {
		case o := <-hs.accept:
			err := s.upgrade(w, r, o)
			hs.failed = err != nil
			timeout, left = nil, nil
			hs.result <- err
		case err := <-hs.done:
			s.connected(w, r, err)
			return
		case <-timeout:
			s.abandon(r, refusedTimeout, context.DeadlineExceeded)
			unavailable(w)
			return
		case <-left:
			s.abandon(r, refusedGone, context.Cause(r.Context()))
			return
		}
	}
}

// runConnect makes the consumer, joins its groups and runs its Connect.
func (s *session) runConnect(hs *handshake) {
	err := error(&PanicError{Value: "runtime.Goexit"})
	defer func() {
		s.leave()
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
	err = s.judge(eventConnect, false, err)
}

// errFactory and errJoin tell faults before Connect from its own.
type (
	errFactory struct{ error }
	errJoin    struct{ error }
)

func (e errFactory) Unwrap() error { return e.error }
func (e errJoin) Unwrap() error    { return e.error }

// abandon gives up a handshake whose Connect still runs: its context is
// cancelled and its groups are left at once.
func (s *session) abandon(r *http.Request, why counter, cause error) {
	s.endConnect()
	s.ctx.settle(r, nil)
	s.refuse(why, cause)
}

// endConnect ends the time in which Accept and Close decide the answer.
func (s *session) endConnect() *handshake {
	s.mu.Lock()
	defer s.mu.Unlock()
	hs := s.hs
	s.hs = nil
	close(hs.gone)
	return hs
}

// connected acts on Connect's outcome, which may be an accepted connection
// already.
func (s *session) connected(w http.ResponseWriter, r *http.Request, err error) {
	hs := s.endConnect()
	switch {
	case s.conn.Load() != nil:
		if err != nil {
			s.act(err)
		}
	case hs.failed:
		s.refuse(refusedGone, net.ErrClosed)
		return
	case err != nil || hs.refused:
		s.deny(w, err)
		return
	default:
		if err := s.upgrade(w, r, AcceptOptions{}); err != nil { // answered where that was possible
			s.refuse(refusedGone, err)
			return
		}
	}
	s.open(r)
}

// open begins to serve an accepted connection.
func (s *session) open(r *http.Request) {
	s.after(eventKeep, false, s.guard(&eventKeep, func() error {
		s.ctx.settle(r, s.opts.Keep)
		return nil
	}))
	s.busy.Store(0)
	go s.read()
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
	s.h.admitted.Add(-1)
}

// deny answers with the refusal that Connect asked for.
func (s *session) deny(w http.ResponseWriter, err error) {
	var denial *DenyError
	var panicked *PanicError
	var factory errFactory
	var join errJoin
	cause := err
	if cause == nil {
		cause = context.Canceled // Close before Accept
	}
	switch {
	case errors.As(err, &factory):
		s.opts.Logger.Error("consumer: no consumer for a connection", "error", err)
		s.refuse(refusedPanic, cause)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	case errors.As(err, &panicked):
		s.refuse(refusedPanic, cause)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	case isLayerError(err), errors.As(err, &join):
		s.refuse(refusedLayer, cause)
		unavailable(w)
	case errors.As(err, &denial):
		s.refuse(refusedConnect, cause)
		denial.write(w, s)
	default:
		s.refuse(refusedConnect, cause)
		http.Error(w, http.StatusText(http.StatusForbidden), http.StatusForbidden)
	}
}

func (e *DenyError) write(w http.ResponseWriter, s *session) {
	status := e.Status
	if status == 0 {
		status = http.StatusForbidden
	}
	if err := checkHeader(e.Header); err != nil || status < 300 || status > 599 {
		s.opts.Logger.Error("consumer: DenyError can't be sent, refusing with 403", "status", status, "error", err)
		http.Error(w, http.StatusText(http.StatusForbidden), http.StatusForbidden)
		return
	}
	body := e.Body
	h := w.Header()
	if body == nil {
		body = []byte(http.StatusText(status) + "\n")
		h.Set("Content-Type", "text/plain; charset=utf-8")
		h.Set("X-Content-Type-Options", "nosniff")
	}
	for name, values := range e.Header {
		h[http.CanonicalHeaderKey(name)] = values
	}
	w.WriteHeader(status)
	w.Write(body)
}

// accept is Base.Accept: it hands the answer to ServeHTTP, which owns the
// response.
func (s *session) accept(ctx context.Context, opts []AcceptOptions) error {
	var o AcceptOptions
	if len(opts) > 1 {
		return errors.New("consumer: Accept takes at most one AcceptOptions")
	}
	if len(opts) == 1 {
		o = opts[0]
	}
	if err := s.checkAccept(o); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	hs := s.hs
	if hs == nil || hs.tried || hs.refused {
		s.mu.Unlock()
		if s.ended.Load() || s.h == nil {
			return ErrNotConnected
		}
		return errAccepted
	}
	hs.tried = true
	s.mu.Unlock()
	select {
	case hs.accept <- o:
		return <-hs.result
	case <-hs.gone:
		return ErrNotConnected
	}
}

func (s *session) checkAccept(o AcceptOptions) error {
	if o.Subprotocol != "" && !slices.Contains(s.scope.Subprotocols(), o.Subprotocol) {
		return fmt.Errorf("consumer: Accept: the client does not offer the subprotocol %.60q", o.Subprotocol)
	}
	for name := range o.Header {
		switch name = http.CanonicalHeaderKey(name); {
		case strings.HasPrefix(name, "Sec-Websocket-"), name == "Upgrade", name == "Connection", name == "Content-Length":
			return fmt.Errorf("consumer: Accept: the header %s belongs to the handshake", name)
		}
	}
	if err := checkHeader(o.Header); err != nil {
		return fmt.Errorf("consumer: Accept: %w", err)
	}
	return nil
}

// checkHeader refuses what could smuggle a header or a response.
func checkHeader(h http.Header) error {
	for name, values := range h {
		if !isToken(name) {
			return fmt.Errorf("the header name %.60q is not a token", name)
		}
		for _, v := range values {
			if i := strings.IndexFunc(v, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }); i >= 0 {
				return fmt.Errorf("the header %s has a control character at byte %d", name, i)
			}
		}
	}
	return nil
}

// upgrade answers the handshake. It runs in ServeHTTP's goroutine.
func (s *session) upgrade(w http.ResponseWriter, r *http.Request, o AcceptOptions) error {
	for name, values := range o.Header {
		w.Header()[http.CanonicalHeaderKey(name)] = values
	}
	sub := o.Subprotocol
	if sub == "" {
		offered := s.scope.Subprotocols()
		for _, p := range s.opts.Subprotocols {
			if slices.Contains(offered, p) {
				sub = p
				break
			}
		}
	}
	conn, err := transport.Accept(w, r, sub, s.h.settings, s)
	if err != nil {
		return fmt.Errorf("consumer: handshake: %w", err)
	}
	if c, ok := conn.NetConn().(watcher); ok {
		c.ConsumerStarted()
	}
	s.born(time.Now())
	s.refs.Store(2) // the reader, and Disconnect
	s.count(accepted)
	s.conn.Store(conn)
	s.h.add(s)
	if s.h.draining.Load() { // Shutdown may have looked for sessions before
		conn.Close(int(StatusServiceRestart), "")
	}
	return nil
}

// close is Base.Close.
func (s *session) close(code StatusCode, reason string) error {
	if code == 0 {
		code = StatusNormalClosure
	}
	if err := checkCode(code); err != nil {
		return err
	}
	if s.conn.Load() == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.hs == nil {
			return ErrNotConnected
		}
		s.hs.refused = true
		return nil
	}
	s.closeConn(code, reason)
	return nil
}
