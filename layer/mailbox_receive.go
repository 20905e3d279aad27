package layer

import "context"

// waiter is one blocked Receive, in a list that is woken from the front.
type waiter struct {
	woken chan struct{} // gets one value; capacity 1
	next  *waiter
}

// Receive takes the oldest message that has not expired, and blocks until there is one. It returns ctx's error when ctx
// ends first, without losing a message, and [ErrClosed] when the mailbox is closed. Several may wait at a time: each
// message goes to one of them. A gap does not end the wait: who must know of it uses [Mailbox.OnReady], or asks TakeGap
// between messages.
func (m *Mailbox) Receive(ctx context.Context) (Envelope, error) {
	var w *waiter
	for {
		if err := ctx.Err(); err != nil {
			m.pass(w)
			return Envelope{}, err
		}
		e, ok, err := m.take(&w)
		if ok || err != nil {
			return e, err
		}
		select {
		case <-w.woken:
		case <-ctx.Done():
		}
	}
}

// take receives, or else puts *w, made if it is nil, in the list of waiters.
func (m *Mailbox) take(w **waiter) (Envelope, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return Envelope{}, false, ErrClosed
	}
	if m.queue.n > 0 {
		m.purge(now())
	}
	if m.queue.n > 0 {
		m.opts.Counters.delivered(m.stripe)
		return m.queue.pop(), true, nil
	}
	if *w == nil {
		*w = &waiter{woken: make(chan struct{}, 1)}
	}
	at := &m.waiters
	for *at != nil {
		at = &(*at).next
	}
	*at = *w
	return Envelope{}, false, nil
}

// wake lets the first waiter try to receive.
func (m *Mailbox) wake() {
	w := m.waiters
	m.waiters, w.next = w.next, nil
	w.woken <- struct{}{}
}

// pass gives up waiting. If w has been woken already, another is woken in its place, as a message may wait for it.
func (m *Mailbox) pass(w *waiter) {
	if w == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for at := &m.waiters; *at != nil; at = &(*at).next {
		if *at == w {
			*at = w.next
			return
		}
	}
	if m.waiters != nil && m.queue.n > 0 {
		m.wake()
	}
}
