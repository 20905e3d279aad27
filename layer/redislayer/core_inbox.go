package redislayer

import (
	"context"
	"sync"
	"time"
)

// coreInbox is what a reader has taken and not yet delivered. The reader does not wait for deliveries, of which one message
// may need thousands, as meanwhile its keys fill up in Redis.
type coreInbox struct {
	mu      sync.Mutex
	batches []batch
	bytes   int
	some    chan struct{} // of capacity 1: there are batches
	less    chan struct{} // of capacity 1: there are fewer bytes
}

// batch is what a reader took at a time.
type batch struct {
	entries []entry
	found   [coreKeys]int64 // how many messages were in each key
	since   time.Time       // when they may have begun to be there
	take    uint64          // of coreLeavers: this is the end of that take; 0: it is not
}

// inboxBytes is beyond what the reader does wait.
const inboxBytes = 64 << 20

func newCoreInbox() *coreInbox {
	return &coreInbox{some: make(chan struct{}, 1), less: make(chan struct{}, 1)}
}

// put adds a batch. While there is too much, it waits; false says that ctx has ended.
func (i *coreInbox) put(ctx context.Context, b batch) bool {
	for {
		i.mu.Lock()
		if i.bytes <= inboxBytes {
			i.batches = append(i.batches, b)
			i.bytes += b.size()
			i.mu.Unlock()
			signal(i.some)
			return true
		}
		i.mu.Unlock()
		select {
		case <-i.less:
		case <-ctx.Done():
			return false
		}
	}
}

// next takes the first batch, and waits for one until done is closed.
func (i *coreInbox) next(done <-chan struct{}) (batch, bool) {
	for {
		i.mu.Lock()
		if len(i.batches) > 0 {
			b := i.batches[0]
			i.batches[0] = batch{}
			if i.batches = i.batches[1:]; len(i.batches) == 0 {
				i.batches = nil
			}
			i.bytes -= b.size()
			i.mu.Unlock()
			signal(i.less)
			return b, true
		}
		i.mu.Unlock()
		select {
		case <-i.some:
		case <-done:
			return batch{}, false
		}
	}
}

func (b *batch) size() int {
	n := 0
	for i := range b.entries {
		n += len(b.entries[i].payload)
	}
	return n
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
