package redislayer

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// grace is for how long after the loss of a connection calls wait for the next one. Later ones fail at once, so that
// handlers are not held up by a server that stays away.
const grace = 500 * time.Millisecond

// link is what calls know of a server: the session that reaches it, or why there is none.
type link[S any] struct {
	session atomic.Pointer[S] // nil while down
	done    <-chan struct{}   // closed when the layer is

	mu    sync.Mutex
	up    chan struct{} // closed when there is a session; a new one when it is lost
	once  bool          // whether there has been a session
	heard time.Time     // when the last session heard something for the last time
	down  time.Time     // when it was given up
	lost  error         // why it was
	cause error         // why there is none: the same, or why the last attempt to connect failed
}

// outage is a time without a session.
type outage struct {
	since  time.Time // from when on messages may be missing
	length time.Duration
	cause  error
}

// raise lets calls use a session. lost says that there was one before.
func (k *link[S]) raise(session *S) (o outage, lost bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	o, lost = outage{since: k.heard, length: time.Since(k.down), cause: k.lost}, k.once
	k.once, k.cause = true, nil
	k.session.Store(session)
	close(k.up)
	return o, lost
}

func (k *link[S]) lower(cause error, heard time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.session.Store(nil)
	k.up = make(chan struct{})
	k.heard, k.down, k.lost, k.cause = heard, time.Now(), cause, cause
}

// failed remembers why an attempt to connect failed, and reports whether the one before failed otherwise.
func (k *link[S]) failed(err error) (news bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	news = k.cause == nil || k.cause.Error() != err.Error()
	k.cause = err
	if errors.Is(err, errCluster) { // who waits need not go on
		close(k.up)
		k.up = make(chan struct{})
	}
	return news
}

func (k *link[S]) wasUp() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.once
}

// reason returns why there is no session.
func (k *link[S]) reason() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.cause
}

// await returns the session, and waits for one if that may come soon: the first, or the next just after a loss. It is nil
// if there is none.
func (k *link[S]) await(ctx context.Context) *S {
	if s := k.session.Load(); s != nil {
		return s
	}
	k.mu.Lock()
	up, once, down, cause := k.up, k.once, k.down, k.cause
	k.mu.Unlock()
	if errors.Is(cause, errCluster) {
		return nil
	}
	if once {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, down.Add(grace))
		defer cancel()
	}
	select {
	case <-up:
	case <-ctx.Done():
	case <-k.done:
	}
	return k.session.Load()
}
