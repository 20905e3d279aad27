package consumer

import (
	"context"
	"net/http"
	"time"

	"github.com/gochannels/channels/layer"
)

// Waiting returns how many hooks and handlers have the turn or wait for it.
func Waiting(h *Handler) int {
	n := 0
	for _, s := range h.snapshot(nil) {
		n += int(s.active.Load())
	}
	return n
}

// Connecting returns how many handshakes have a place of ConnectConcurrency.
func Connecting(h *Handler) int64 { return h.connecting.Load() }

// OriginAllowed matches r against one pattern, which must be valid.
func OriginAllowed(pattern string, r *http.Request) bool {
	o, err := newOrigins([]string{pattern}, false)
	return err == nil && o.allowed(r)
}

// Dispatcher returns what handles c's layer messages, without a connection.
func Dispatcher[C Consumer](c C) (func(layer.Envelope), error) {
	h, err := NewHandler(func() C { return c }, nil)
	if err != nil {
		return nil, err
	}
	s := newSession(h.plan, h.opts, h.counts.stripe(), &h.notices, context.Background())
	if err := s.bind(c); err != nil {
		return nil, err
	}
	return s.handleLayer, nil
}

// LateWake returns what a mailbox may still call when the one session of h has
// ended.
func LateWake(h *Handler) func() { return h.snapshot(nil)[0].wake }

// Admitted returns how many places of MaxConnections are taken.
func Admitted(h *Handler) int64 { return h.admitted.Load() }

// Watched reports whether the runners are watched.
func Watched(h *Handler) bool {
	h.runners.mu.Lock()
	defer h.runners.mu.Unlock()
	return h.runners.watch != nil
}

// RestAfter sets the silence after which readers are renewed. It is called
// before h serves.
func RestAfter(h *Handler, d time.Duration) { h.clock.rest = d }
