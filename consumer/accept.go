package consumer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// errDraining is what Accept returns when Shutdown has begun.
var errDraining = fmt.Errorf("%w: shutting down", ErrNotConnected)

// accept is Base.Accept.
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
	if answered, err := s.answer(o); answered {
		return err
	}
	if s.conn.Load() == nil {
		return ErrNotConnected
	}
	return errAccepted
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
