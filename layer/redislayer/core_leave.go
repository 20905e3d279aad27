package redislayer

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gochannels/channels/layer"
)

// coreLeavers are channels that have just left a group. Messages that were sent before may still lie in Redis, or be on
// their way from there, and are theirs.
type coreLeavers struct {
	n atomic.Int64

	mu    sync.Mutex
	taken uint64 // how often the home's reader has begun to take messages
	all   map[string][]leaver
}

// leaver is a channel that left at a time, by the home's clock, while the reader's take of that number was under way.
type leaver struct {
	box   *layer.Mailbox
	at    float64
	taken uint64
	until time.Time
}

// leaveGrace is how long a message may be on its way to who has left. It bounds what a sender whose clock is behind can
// still send.
const leaveGrace = time.Second

// leave lets box out of the group in which this process is called member, by out, and notes that if out reports true: then
// it was still in it. No message finds it neither in the group nor here.
func (c *coreLeavers) leave(member string, box *layer.Mailbox, at float64, out func() bool) {
	c.n.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !out() {
		c.n.Add(-1)
		return
	}
	if c.all == nil {
		c.all = make(map[string][]leaver)
	}
	c.all[member] = append(c.all[member], leaver{box, at, c.taken, time.Now().Add(leaveGrace)})
}

// of returns those to whom a message is due.
func (c *coreLeavers) of(member string, at float64) []*layer.Mailbox {
	if c.n.Load() == 0 {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var boxes []*layer.Mailbox
	for _, v := range c.all[member] {
		if at <= v.at && time.Now().Before(v.until) {
			boxes = append(boxes, v.box)
		}
	}
	return boxes
}

// begin is told that the home's reader asks for messages.
func (c *coreLeavers) begin() (take uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken++
	return c.taken
}

// end is told that everything it has asked for by then is delivered. That is all that was due to those who had left before
// it asked.
func (c *coreLeavers) end(take uint64) {
	if c.n.Load() == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	for member, all := range c.all {
		kept := all[:0]
		for _, v := range all {
			if v.taken >= take && now.Before(v.until) {
				kept = append(kept, v)
			}
		}
		c.n.Add(int64(len(kept) - len(all)))
		clear(all[len(kept):])
		if c.all[member] = kept; len(kept) == 0 {
			delete(c.all, member)
		}
	}
	if len(c.all) == 0 {
		c.all = nil
	}
}

// forget drops all, after a flush.
func (c *coreLeavers) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, all := range c.all {
		c.n.Add(-int64(len(all)))
	}
	c.all = nil
}

// discard takes a channel of this layer out of a group. What was sent before, by the home's clock, still reaches it; one that
// had left before gets nothing more.
func (l *Core) discard(ctx context.Context, group string, m *member) {
	out := func() bool { return l.registry.Discard(group, m) }
	if name, ok := l.subs.member(group); ok {
		if at, err := l.homeTime(ctx); err == nil {
			l.leavers.leave(name, m.Value(), at, out)
			return
		}
	}
	out()
}

// homeTime asks the home for its time.
func (l *Core) homeTime(ctx context.Context) (float64, error) {
	p, err := l.shards[l.names.home].await(ctx)
	if err != nil {
		return 0, err
	}
	res, err := p.do(ctx, p.client.B().Time().Build())
	if err != nil {
		return 0, err
	}
	t, err := res[0].AsIntSlice()
	if err != nil || len(t) != 2 {
		return 0, err
	}
	return float64(t[0]) + float64(t[1])/1e6, nil
}
