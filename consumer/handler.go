package consumer

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gochannels/channels/consumer/internal/transport"
	"github.com/gochannels/channels/layer"
)

// Handler serves each WebSocket handshake with a consumer of its own. It is an
// http.Handler; ServeHTTP returns once the consumer's Connect has returned, and
// the connection goes on. Before Accept it also returns when ConnectTimeout has
// passed or the client has left, and Connect may go on then. Serve no other kind of request with it: they are
// refused with 426 or what fits. End it with [Shutdown]: http.Server.Shutdown forgets
// connections that were upgraded.
type Handler struct {
	newConsumer func() Consumer
	plan        *plan
	opts        *Options
	origins     origins
	relays      map[string]Relay
	settings    *transport.Settings
	counts      counters
	notices     notices
	clock       clock
	runners     runners
	connectors  connectors

	connecting atomic.Int64 // in Connect
	admitted   atomic.Int64 // open and connecting
	draining   atomic.Bool  // refuses handshakes
	leaving    atomic.Bool  // not ready any more

	mu       sync.Mutex
	sessions []*session    // accepted, and not ended in all parts
	empty    chan struct{} // closed when nobody is admitted; nil while nobody waits
}

// closeTimeout is how long a client may take to answer our close frame.
const closeTimeout = 5 * time.Second

// NewHandler returns a handler for a consumer type. newConsumer makes a new
// value for each connection and is called from many goroutines. C must be a
// pointer to a struct that embeds Base. All faults of its methods and of the
// options are returned at once.
func NewHandler[C Consumer](newConsumer func() C, opts *Options) (*Handler, error) {
	o, optsErr := opts.withDefaults()
	p, planErr := newPlan[C](o.Types, o.FromClient)
	origins, originsErr := newOrigins(o.Origins, o.RequireOrigin)
	h := &Handler{
		newConsumer: erase(newConsumer),
		plan:        p,
		opts:        o,
		origins:     origins,
	}
	err := errors.Join(optsErr, planErr, originsErr, h.addRelays(o.Relay))
	if newConsumer == nil {
		err = errors.Join(err, errors.New("consumer: newConsumer is nil"))
	}
	if err != nil {
		return nil, err
	}
	h.settings = &transport.Settings{
		ReadLimit:    int(o.ReadLimit),
		QueueBytes:   o.QueueBytes,
		DropNewest:   o.Slow == SlowDrop,
		WriteTimeout: o.WriteTimeout,
		CloseTimeout: closeTimeout,
		Compression:  o.Compression,
		Flushers:     transport.NewFlushers(),
		Dropped:      &h.counts.unsent,
	}
	h.clock.init(h)
	h.connectors.init(&h.clock)
	return h, nil
}

// MustHandler is NewHandler for set-up code: it panics on an error.
func MustHandler[C Consumer](newConsumer func() C, opts *Options) *Handler {
	h, err := NewHandler(newConsumer, opts)
	if err != nil {
		panic(err)
	}
	return h
}

// erase returns a factory whose nil pointers are nil consumers.
func erase[C Consumer](newConsumer func() C) func() Consumer {
	return func() Consumer {
		c := newConsumer()
		if v := reflect.ValueOf(c); !v.IsValid() || v.IsNil() {
			return nil
		}
		return c
	}
}

// Ready reports whether new clients should be sent here: the layer has
// connected for the first time, and Shutdown has not begun. A layer that is
// down later changes nothing, as every instance would be taken out at once.
func (h *Handler) Ready() bool {
	if h.leaving.Load() {
		return false
	}
	if r, ok := h.opts.Layer.(layer.Readier); ok {
		return r.Ready()
	}
	return true
}

// ReadyHandler answers a load balancer's checks: 200 while all handlers are
// ready, 503 otherwise.
func ReadyHandler(handlers ...*Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for _, h := range handlers {
			if !h.Ready() {
				http.Error(w, "not ready", http.StatusServiceUnavailable)
				return
			}
		}
		fmt.Fprintln(w, "ok")
	})
}

// Stats returns what was counted.
func (h *Handler) Stats() Stats { return h.counts.stats(h.open()) }

// Metrics implements layer.Measured: everything of Stats, for a metrics
// system.
func (h *Handler) Metrics() []layer.Metric {
	open := layer.Metric{Name: "channels_consumer_open", Help: "Connections open.", Gauge: true, Value: h.open()}
	return append(h.counts.metrics("channels_consumer_"), open)
}

func (h *Handler) open() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return int64(len(h.sessions))
}

// add enters an accepted session.
func (h *Handler) add(s *session) {
	h.mu.Lock()
	s.pos = len(h.sessions)
	h.sessions = append(h.sessions, s)
	h.mu.Unlock()
	h.clock.start()
}

// remove forgets a session of which nothing runs any more.
func (h *Handler) remove(s *session) {
	h.mu.Lock()
	last := len(h.sessions) - 1
	moved := h.sessions[last]
	h.sessions[s.pos], moved.pos = moved, s.pos
	h.sessions[last] = nil
	h.sessions = h.sessions[:last]
	if last == 0 {
		if cap(h.sessions) > 1024 {
			h.sessions = nil
		}
		h.clock.stop()
	}
	h.mu.Unlock()
	h.discharge()
}

// admit takes a place; discharge gives it back.
func (h *Handler) admit() bool {
	if n := h.admitted.Add(1); h.opts.MaxConnections > 0 && n > int64(h.opts.MaxConnections) {
		h.discharge()
		return false
	}
	return true
}

func (h *Handler) discharge() {
	if h.admitted.Add(-1) > 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.empty != nil && h.admitted.Load() == 0 {
		close(h.empty)
		h.empty = nil
	}
}

// open sessions, copied, for work outside the lock.
func (h *Handler) snapshot(into []*session) []*session {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append(into[:0], h.sessions...)
}

var _ interface {
	http.Handler
	layer.Measured
} = (*Handler)(nil)
