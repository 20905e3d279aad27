package redislayer

import "sync"

// tasks are the goroutines of a session. Calls may start some until it closes, and Wait is for after that.
type tasks struct {
	sync.WaitGroup
	mu     sync.Mutex
	closed bool
}

// start counts a goroutine, which ends with Done, unless the session is closed.
func (t *tasks) start() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.Add(1)
	return true
}

func (t *tasks) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
}
