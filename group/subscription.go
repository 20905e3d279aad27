package group

import (
	"context"
	"sync"
)

// subscription is what a group's Changed was told and who waits for it. The shard's lock guards it.
type subscription struct {
	told    bool   // the last call's want, whatever it returned
	ok      bool   // told is true and the call returned nil
	running bool   // a goroutine is reconciling this group
	current *round // of the call with want true that is running now
	next    *round // of the Adds that a later call must answer
}

// round is one call of Changed that Adds wait for. err is set before done is closed.
type round struct {
	done chan struct{}
	err  error
}

func (r *round) end(err error) {
	r.err = err
	close(r.done)
}

// confirmation returns what an Add must wait for, nil if the group is subscribed.
func (s *subscription) confirmation() *round {
	if s.ok && s.told {
		return nil
	}
	if s.current != nil {
		return s.current
	}
	if s.next == nil {
		s.next = &round{done: make(chan struct{})}
	}
	return s.next
}

// kick starts a goroutine that reconciles e, unless one runs. The shard's lock is held.
func (r *Registry[M]) kick(ctx context.Context, s *shard[M], e *entry[M]) {
	if e.sub.running {
		return
	}
	e.sub.running = true
	r.work.start()
	go func() {
		defer r.work.end()
		r.reconcile(context.WithoutCancel(ctx), s, e)
	}()
}

// reconcile calls Changed until it knows the truth.
func (r *Registry[M]) reconcile(ctx context.Context, s *shard[M], e *entry[M]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := e.sub
	for {
		want := len(e.values) > 0
		if !want && sub.next != nil {
			sub.next.end(nil) // who joined has left again
			sub.next = nil
		}
		if want == sub.told && sub.next == nil {
			break
		}
		sub.told, sub.ok = want, false
		if want {
			sub.current, sub.next = sub.next, nil
			if sub.current == nil {
				sub.current = &round{done: make(chan struct{})}
			}
		}
		err := r.call(ctx, s, e.name, want)
		if want {
			sub.ok = err == nil
			sub.current.end(err)
			sub.current = nil
		}
	}
	sub.running = false
	if len(e.values) == 0 {
		s.drop(e)
	}
}

// call calls Changed without the lock it was called under.
func (r *Registry[M]) call(ctx context.Context, s *shard[M], group string, want bool) error {
	s.mu.Unlock()
	defer s.mu.Lock()
	return r.Changed(ctx, group, want)
}

// tasks counts goroutines for whoever waits for them to end.
type tasks struct {
	mu   sync.Mutex
	n    int
	idle chan struct{} // closed when n is back to 0; nil while nobody waits
}

func (t *tasks) start() {
	t.mu.Lock()
	t.n++
	t.mu.Unlock()
}

func (t *tasks) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n--
	if t.n == 0 && t.idle != nil {
		close(t.idle)
		t.idle = nil
	}
}

func (t *tasks) wait(ctx context.Context) error {
	t.mu.Lock()
	if t.n == 0 {
		t.mu.Unlock()
		return nil
	}
	if t.idle == nil {
		t.idle = make(chan struct{})
	}
	idle := t.idle
	t.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
