package consumer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gochannels/channels/consumer/internal/transport"
)

// errDraining is what Accept returns when Shutdown has begun.
var errDraining = fmt.Errorf("%w: shutting down", ErrNotConnected)

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
	if hs == nil || hs.tried || hs.refused != nil {
		s.mu.Unlock()
		if s.conn.Load() == nil {
			return ErrNotConnected
		}
		return errAccepted
	}
	hs.tried = true
	s.mu.Unlock()
	select {
	case hs.accept <- o:
	case <-hs.gone:
		return ErrNotConnected
	}
	select {
	case err := <-hs.result:
		return err
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
	if s.h.draining.Load() {
		return errDraining
	}
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
	s.opened = s.h.clock.tick.Load()
	s.busy.Store(s.opened)
	s.refs.Store(2) // the reader, and Disconnect
	s.count(accepted)
	s.mu.Lock()
	s.conn.Store(conn)
	refused := s.hs.refused
	s.mu.Unlock()
	s.h.add(s)
	if refused != nil { // Close came while the answer was on its way
		s.closeConn(refused.Code, refused.Reason)
	}
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
	if s.conn.Load() == nil && s.closeEarly(code, reason) {
		return nil
	}
	if s.conn.Load() == nil {
		return ErrNotConnected
	}
	s.closeConn(code, reason)
	return nil
}

// closeEarly refuses a connection that is not accepted yet, or closes it as soon
// as it is. It reports false if that time is over.
func (s *session) closeEarly(code StatusCode, reason string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn.Load() != nil || s.hs == nil {
		return false
	}
	if s.hs.refused == nil {
		s.hs.refused = &CloseError{Code: code, Reason: reason}
	}
	return true
}
