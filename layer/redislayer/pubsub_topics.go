package redislayer

import "sync"

// topics are the Redis channels that a shard is to be subscribed to, and how far that is. Commands are written by one
// goroutine, which takes many at a time; answers come in from the connection's reader.
type topics struct {
	mu    sync.Mutex
	all   map[string]*topic
	queue []string      // those for which a command may be due, each once
	wake  chan struct{} // of capacity 1: the queue is not empty
	epoch uint64        // of the connection; 0 before the first
	left  int           // topics still to be restored after a reconnection
	whole chan struct{} // closed when there are none
}

// topic is one Redis channel. It is subscribed while sent is true and nothing is under way.
type topic struct {
	want      bool // whether it should be subscribed
	sent      bool // whether the last command on this connection was to subscribe
	queued    bool
	restoring bool
	underway  int    // commands not answered yet
	round     *round // of those who wait for it to be subscribed
}

// round is a wait for a confirmation. err is set before done is closed.
type round struct {
	done chan struct{}
	err  error
}

// add asks for a subscription and returns what to wait for, nil if there is nothing to wait for.
func (t *topics) add(name string) *round {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.all[name]
	if p == nil {
		p = new(topic)
		t.all[name] = p
	}
	p.want = true
	if p.sent && p.underway == 0 {
		return nil
	}
	if p.round == nil {
		p.round = &round{done: make(chan struct{})}
	}
	t.enqueue(name, p)
	return p.round
}

// remove asks for no subscription any more, and waits for nothing.
func (t *topics) remove(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.all[name]
	if p == nil {
		return
	}
	p.want = false
	p.end(nil)
	t.enqueue(name, p)
	t.tidy(name, p)
}

// confirmed returns the connection's epoch if name is subscribed, 0 if it is not.
func (t *topics) confirmed(name string) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p := t.all[name]; p != nil && p.want && p.sent && p.underway == 0 {
		return t.epoch
	}
	return 0
}

// len returns how many there are.
func (t *topics) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.all)
}

// restart forgets what an earlier connection was told and queues everything that is wanted. The channel is closed when
// all that has been subscribed.
func (t *topics) restart() (epoch uint64, whole chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.epoch++
	t.queue, t.left, t.whole = nil, 0, make(chan struct{})
	for name, p := range t.all {
		p.sent, p.queued, p.underway, p.restoring = false, false, 0, false
		if !p.want {
			delete(t.all, name)
			continue
		}
		p.restoring = true
		t.left++
		t.enqueue(name, p)
	}
	if t.left == 0 {
		close(t.whole)
	}
	return t.epoch, t.whole
}

// take returns the next commands' arguments, at most most names in each.
func (t *topics) take(most int) (subscribe, unsubscribe []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for _, name := range t.queue {
		if len(subscribe) == most || len(unsubscribe) == most {
			break
		}
		n++
		p := t.all[name]
		if p == nil {
			continue
		}
		p.queued = false
		switch {
		case p.want == p.sent:
			t.restored(p)
			t.tidy(name, p)
			continue
		case p.want:
			subscribe = append(subscribe, name)
		default:
			unsubscribe = append(unsubscribe, name)
		}
		p.sent = p.want
		p.underway++
	}
	t.queue = t.queue[n:]
	if len(t.queue) == 0 {
		t.queue = nil
	}
	return subscribe, unsubscribe
}

// answered is told of each confirmation.
func (t *topics) answered(epoch uint64, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.all[name]
	if p == nil || epoch != t.epoch || p.underway == 0 {
		return
	}
	p.underway--
	if p.underway > 0 {
		return
	}
	if p.sent {
		t.restored(p)
		p.end(nil)
	}
	t.tidy(name, p)
}

// refused is told of a SUBSCRIBE that the server answered with an error.
func (t *topics) refused(epoch uint64, names []string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range names {
		p := t.all[name]
		if p == nil || epoch != t.epoch {
			continue
		}
		p.underway--
		p.sent = false
		p.end(err)
		t.tidy(name, p)
	}
}

// enqueue queues a topic that needs a command. The lock is held, as it is for all below.
func (t *topics) enqueue(name string, p *topic) {
	if p.queued || p.want == p.sent {
		return
	}
	p.queued = true
	t.queue = append(t.queue, name)
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// tidy forgets a topic of which nothing is left.
func (t *topics) tidy(name string, p *topic) {
	if !p.want && !p.sent && !p.queued && p.underway == 0 {
		t.restored(p)
		delete(t.all, name)
	}
}

func (t *topics) restored(p *topic) {
	if !p.restoring {
		return
	}
	p.restoring = false
	t.left--
	if t.left == 0 {
		close(t.whole)
	}
}

// end lets those go on who wait.
func (p *topic) end(err error) {
	if p.round == nil {
		return
	}
	p.round.err = err
	close(p.round.done)
	p.round = nil
}
