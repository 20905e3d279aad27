package site

import "sync"

// Hub is the set of subscribers with a Go channel each that chat examples have,
// for servers whose library has none. T is what is queued. Its zero value is
// ready to use.
type Hub[T any] struct {
	mu   sync.RWMutex
	subs map[chan T]struct{}
}

// Join adds a subscriber.
func (h *Hub[T]) Join() chan T {
	ch := make(chan T, *Queue)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.subs == nil {
		h.subs = map[chan T]struct{}{}
	}
	h.subs[ch] = struct{}{}
	return ch
}

// Leave removes a subscriber.
func (h *Hub[T]) Leave(ch chan T) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.subs, ch)
}

// Send queues v for every subscriber, and drops it where the queue is full.
func (h *Hub[T]) Send(v T) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for ch := range h.subs {
		select {
		case ch <- v:
		default:
			Dropped.Add(1)
		}
	}
}
