package consumer

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/gochannels/channels/consumer/internal/transport"
)

// handshake is what Connect and ServeHTTP have in common. The response is written
// by whichever of them has answering: Connect's goroutine when it accepts, and
// ServeHTTP's when it refuses.
type handshake struct {
	w    http.ResponseWriter
	r    *http.Request
	done chan error // Connect's outcome

	answering chan struct{} // has an entry while somebody decides or writes the answer
	tried     bool          // to accept
	failed    error         // why that could not be
	panicked  any           // of w, for ServeHTTP's caller

	refused *CloseError // Close was called before there was a connection; under the session's lock
}

func newHandshake(w http.ResponseWriter, r *http.Request) *handshake {
	return &handshake{w: w, r: r, done: make(chan error, 1), answering: make(chan struct{}, 1)}
}

// decide waits for the right to answer, and returns what gives it back.
func (hs *handshake) decide() (decided func()) {
	hs.answering <- struct{}{}
	return func() { <-hs.answering }
}

// answer accepts, unless that was tried before, or the answer is a refusal. It
// reports whether it did, with an error if there is no connection for it.
func (s *session) answer(o AcceptOptions) (did bool, err error) {
	s.mu.Lock()
	hs := s.hs
	s.mu.Unlock()
	if hs == nil {
		return false, nil
	}
	defer hs.decide()()
	s.mu.Lock()
	over := s.hs == nil || hs.tried || hs.refused != nil
	s.mu.Unlock()
	if over {
		return false, nil
	}
	hs.tried = true
	hs.panicked = http.ErrAbortHandler // if it ends by runtime.Goexit
	defer func() {
		if hs.panicked != nil {
			if v := recover(); v != nil {
				hs.panicked = v
			}
			did, err = true, ErrNotConnected
		}
		if hs.failed = err; err != nil {
			s.cancel(err) // there will be no connection
		}
	}()
	err = s.upgrade(hs, o)
	hs.panicked = nil
	return true, err
}

// upgrade answers the handshake and takes the connection over.
func (s *session) upgrade(hs *handshake, o AcceptOptions) error {
	if s.h.draining.Load() {
		return errDraining
	}
	header := hs.w.Header()
	for name, values := range o.Header {
		name = http.CanonicalHeaderKey(name)
		header[name] = append(slices.Clip(header[name]), values...)
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
	conn, err := transport.Accept(hs.w, hs.r, sub, s.h.settings, s)
	if err != nil {
		return fmt.Errorf("consumer: handshake: %w", err)
	}
	if w, ok := conn.NetConn().LocalAddr().(watcher); ok {
		w.ConsumerStarted()
	}
	s.born(time.Now())
	s.opened = s.h.clock.tick.Load()
	s.busy.Store(s.opened)
	s.refs.Store(2) // the reader, and Disconnect
	s.count(accepted)
	s.mu.Lock()
	s.conn.Store(conn)
	refused := hs.refused
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
