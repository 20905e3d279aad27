package layer

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// namedChannels are the channels without '!'. Their mailboxes are seen by nobody else and have no function to call,
// so they are delivered to under the lock: a channel cannot be forgotten while a message is on its way into it.
// A GroupSend alone does not hold the lock; what it brings to a channel that leaves the group just then may be dropped
// with it.
type namedChannels struct {
	mu     sync.Mutex
	open   map[string]*namedChannel
	closed bool
	swept  atomic.Int64 // when that was last done
}

type namedChannel struct {
	member  *member
	waiting int // receivers
	joined  int // groups
}

func (n *namedChannels) get(l *Memory, name string) *namedChannel {
	c := n.open[name]
	if c == nil {
		c = &namedChannel{member: l.registry.NewMember(NewMailbox(name, l.optionsFor(name)))}
		if n.open == nil {
			n.open = make(map[string]*namedChannel)
		}
		n.open[name] = c
	}
	return c
}

// tidy forgets c if nothing keeps it. What a GroupSend still brings is refused and counted by the closed mailbox.
func (n *namedChannels) tidy(name string, c *namedChannel) {
	box := c.member.Value()
	if c.waiting > 0 || c.joined > 0 || box.Len() > 0 {
		return
	}
	if n.open[name] == c {
		delete(n.open, name)
	}
	if len(n.open) == 0 {
		n.open = nil
	}
	c.member.Close()
	box.Close()
}

func (n *namedChannels) send(l *Memory, name string, e Envelope) error {
	n.sweep(l, e.p.at)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		l.counters.Drop(DropClosed, 1)
		return ErrClosed
	}
	return n.get(l, name).member.Value().Deliver(e)
}

func (n *namedChannels) join(l *Memory, group, name string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return ErrClosed
	}
	c := n.get(l, name)
	defer n.tidy(name, c)
	if err := l.registry.Add(context.Background(), group, c.member); err != nil {
		return err
	}
	c.joined = len(c.member.Groups())
	return nil
}

func (n *namedChannels) leave(l *Memory, group, name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.open[name]; c != nil && l.registry.Discard(group, c.member) {
		c.joined--
		n.tidy(name, c)
	}
}

func (n *namedChannels) receive(ctx context.Context, l *Memory, name string) (Envelope, error) {
	n.sweep(l, now())
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return Envelope{}, ErrClosed
	}
	c := n.get(l, name)
	c.waiting++
	n.mu.Unlock()
	e, err := c.member.Value().Receive(ctx)
	n.mu.Lock()
	defer n.mu.Unlock()
	c.waiting--
	if !errors.Is(err, ErrClosed) {
		n.tidy(name, c)
	}
	return e, err
}

// sweep drops what has expired unread, at most once in the time it takes to expire.
func (n *namedChannels) sweep(l *Memory, at int64) {
	last := n.swept.Load()
	if at-last < int64(l.options.expiry()) || !n.swept.CompareAndSwap(last, at) {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for name, c := range n.open {
		c.member.Value().expire(at)
		n.tidy(name, c)
	}
}

func (n *namedChannels) forgetIdle() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for name, c := range n.open {
		c.joined = len(c.member.Groups())
		n.tidy(name, c)
	}
}

func (n *namedChannels) all() []*member {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := make([]*member, 0, len(n.open))
	for _, c := range n.open {
		all = append(all, c.member)
	}
	return all
}

// close refuses further channels and returns those that are open.
func (n *namedChannels) close() []*member {
	n.mu.Lock()
	n.closed = true
	n.mu.Unlock()
	all := n.all()
	n.mu.Lock()
	n.open = nil
	n.mu.Unlock()
	return all
}

func (n *namedChannels) len() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.open)
}
