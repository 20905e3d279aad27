package consumertest

import (
	"context"
	"sync"

	"github.com/gochannels/channels/consumer"
)

// inbox holds what has arrived and nobody has received yet: any number of
// messages, then the error that says how the connection ended.
type inbox struct {
	mu     sync.Mutex
	frames []consumer.Frame
	err    error
	told   bool          // err has been received once
	ready  chan struct{} // holds a token while there is something to receive
}

func newInbox() *inbox {
	return &inbox{ready: make(chan struct{}, 1)}
}

func (b *inbox) push(f consumer.Frame) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.frames = append(b.frames, f)
	b.signal()
}

// end sets what is received after the last message; the first end counts.
func (b *inbox) end(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = err
	}
	b.signal()
}

// signal wakes one waiter; whoever takes the token and leaves something behind
// signals again.
func (b *inbox) signal() {
	select {
	case b.ready <- struct{}{}:
	default:
	}
}

// event is a message, or how the connection ended.
type event struct {
	frame consumer.Frame
	err   error
}

// receive takes the next message; after the last it returns the error set by
// end, each time.
func (b *inbox) receive(ctx context.Context) (consumer.Frame, error) {
	for {
		if e, ok := b.take(); ok {
			return e.frame, e.err
		}
		if err := b.wait(ctx); err != nil {
			return consumer.Frame{}, err
		}
	}
}

func (b *inbox) take() (event, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, ok := b.first()
	if len(b.frames) > 0 {
		b.frames[0] = consumer.Frame{}
		b.frames = b.frames[1:]
	} else if ok {
		b.told = true
	}
	return e, ok
}

// quiet waits until ctx is done for something new, and leaves it where it is.
// An end that has been received before is not new: then nothing can come.
func (b *inbox) quiet(ctx context.Context) (event, bool) {
	for {
		b.mu.Lock()
		e, ok := b.first()
		told := b.told
		b.mu.Unlock()
		switch {
		case ok && e.err != nil && told:
			return event{}, true
		case ok:
			return e, false
		}
		if b.wait(ctx) != nil {
			return event{}, true
		}
	}
}

func (b *inbox) first() (event, bool) {
	switch {
	case len(b.frames) > 0:
		return event{frame: b.frames[0]}, true
	case b.err != nil:
		return event{err: b.err}, true
	}
	return event{}, false
}

// wait returns nil when there may be something to receive, which it leaves for
// the next receive.
func (b *inbox) wait(ctx context.Context) error {
	select {
	case <-b.ready:
		b.mu.Lock()
		defer b.mu.Unlock()
		if _, ok := b.first(); ok {
			b.signal()
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
