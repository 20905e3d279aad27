package redislayer

import (
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// echoWait bounds the wait for a message of our own to come back.
const echoWait = 250 * time.Millisecond

// echoes are the messages of this process that it is to hear itself. A call that sent one waits, beside Redis' answer, for
// the message to be delivered here: then what the caller does next, leave the group or send by another server, comes after
// it. Who sends the same bytes to the same topic at the same time may be taken for us; the wait ends early then.
type echoes struct {
	n       atomic.Int32
	mu      sync.Mutex
	waiting map[uint64][]chan struct{}
}

var echoSeed = maphash.MakeSeed()

func echoKey(topic string, payload []byte) uint64 {
	var h maphash.Hash
	h.SetSeed(echoSeed)
	_, _ = h.WriteString(topic)
	_, _ = h.Write(payload)
	return h.Sum64()
}

// expect returns what is closed when the message has come. It must be given to forget afterwards.
func (e *echoes) expect(key uint64) chan struct{} {
	c := make(chan struct{})
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.waiting == nil {
		e.waiting = make(map[uint64][]chan struct{})
	}
	e.waiting[key] = append(e.waiting[key], c)
	e.n.Add(1)
	return c
}

func (e *echoes) forget(key uint64, c chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if i := slices.Index(e.waiting[key], c); i >= 0 {
		e.drop(key, i)
	}
}

// heard is told of each message, after it was delivered.
func (e *echoes) heard(topic string, payload []byte) {
	if e.n.Load() == 0 {
		return
	}
	key := echoKey(topic, payload)
	e.mu.Lock()
	defer e.mu.Unlock()
	if waiting := e.waiting[key]; len(waiting) > 0 {
		close(waiting[0])
		e.drop(key, 0)
	}
}

func (e *echoes) drop(key uint64, i int) {
	e.n.Add(-1)
	if rest := slices.Delete(e.waiting[key], i, i+1); len(rest) > 0 {
		e.waiting[key] = rest
	} else {
		delete(e.waiting, key)
	}
}

// wait waits for c, but not for long.
func (e *echoes) wait(c chan struct{}) {
	select {
	case <-c:
		return
	default:
	}
	t := time.NewTimer(echoWait)
	defer t.Stop()
	select {
	case <-c:
	case <-t.C:
	}
}
