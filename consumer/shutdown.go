package consumer

import (
	"context"
	"time"

	"github.com/gochannels/channels/consumer/internal/transport"
)

// Shutdown ends the connections of handlers: it makes them not ready, waits
// DrainDelay, answers new handshakes with 503, closes the connections with 1012
// spread over DrainWindow, and waits until every Disconnect has run. What is
// queued for a client goes out before its close frame. Handshakes whose Connect
// runs are answered with 503 when it returns. If ctx ends first, the sockets that
// are left are cut, which takes up to 0.1 s more, and a *StuckError tells of hooks
// and handlers that still run, if there are any; nil means that there are none. It
// may be called again, to go on waiting. Afterwards call http.Server.Shutdown and
// the layer's Close.
//
// The delay and the window are the longest of the handlers', and at most half
// and three quarters of the time that ctx leaves.
func Shutdown(ctx context.Context, handlers ...*Handler) error {
	var delay, window time.Duration
	for _, h := range handlers {
		h.leaving.Store(true)
		delay, window = max(delay, h.opts.DrainDelay), max(window, h.opts.DrainWindow)
	}
	if deadline, ok := ctx.Deadline(); ok {
		delay = min(delay, time.Until(deadline)/2)
	}
	wait(ctx, delay)
	var sessions []*session
	for _, h := range handlers {
		h.draining.Store(true)
		sessions = append(sessions, h.snapshot(nil)...)
	}
	if deadline, ok := ctx.Deadline(); ok {
		window = min(window, time.Until(deadline)*3/4)
	}
	closeAll(ctx, sessions, window)
	for i, h := range handlers {
		if err := h.waitEmpty(ctx); err != nil {
			return cutOff(handlers[i:], err)
		}
	}
	return nil
}

// closeAll closes in steps of a few milliseconds. A close only queues its
// frame, so one goroutine is enough.
func closeAll(ctx context.Context, sessions []*session, window time.Duration) {
	const step = 5 * time.Millisecond
	start := time.Now()
	for i, s := range sessions {
		due := time.Duration(float64(window) * float64(i) / float64(len(sessions)))
		if left := due - time.Since(start); left > step {
			wait(ctx, left)
		}
		s.closeConn(StatusServiceRestart, "")
	}
}

func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// waitEmpty waits until nothing of a connection or handshake is left.
func (h *Handler) waitEmpty(ctx context.Context) error {
	h.mu.Lock()
	if h.empty == nil {
		h.empty = make(chan struct{})
	}
	empty := h.empty
	h.mu.Unlock()
	if h.admitted.Load() == 0 {
		return nil
	}
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

var cutOffEnd = &transport.EndError{Code: transport.CodeAbnormal, Cause: transport.CauseServer, Err: context.DeadlineExceeded}

// cutOff closes the sockets that are left, gives Disconnect a moment where
// nothing holds it up, and counts the sessions that are stuck.
func cutOff(handlers []*Handler, err error) error {
	const grace = 100 * time.Millisecond
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	stuck := 0
	for _, h := range handlers {
		for _, s := range h.snapshot(nil) {
			s.conn.Load().Abort(cutOffEnd)
		}
	}
	for _, h := range handlers {
		if h.waitEmpty(ctx) != nil {
			stuck += int(h.admitted.Load())
		}
	}
	if stuck == 0 {
		return nil
	}
	return &StuckError{Stuck: stuck, Err: err}
}
