package redislayer

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gochannels/channels/group"
	"github.com/gochannels/channels/layer"
)

// local is what both layers have of this process: its channels and their groups, what is counted, and the end of it all.
type local struct {
	registry group.Registry[*layer.Mailbox]
	channels channels
	counters layer.Counters
	boxes    mailboxOptions
	events   events

	closed atomic.Bool
	done   chan struct{}      // closed by Close
	cancel context.CancelFunc // of the shards, after that
	work   sync.WaitGroup     // the shards' goroutines, and those that spread gaps
}

// begin is how every call begins.
func (l *local) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if l.closed.Load() {
		return layer.ErrClosed
	}
	return nil
}

// join puts a channel of this process into a group.
func (l *local) join(ctx context.Context, groupName, channel string) error {
	member := l.channels.get(channel)
	if member == nil {
		return layer.ErrUnknownChannel
	}
	err := l.registry.Add(ctx, groupName, member)
	switch {
	case errors.Is(err, group.ErrMemberClosed):
		return layer.ErrUnknownChannel
	case ctx.Err() != nil && errors.Is(err, ctx.Err()): // it was given up, and so undone
		return unavailable(err)
	}
	return err
}

func (l *local) stats() layer.Stats {
	s := l.counters.Stats()
	groups, memberships := l.registry.Len()
	s.Groups, s.Memberships = int64(groups), int64(memberships)
	s.Channels = l.channels.count.Load()
	return s
}

// Gaps are spread, as each may make a consumer fetch its state anew.
const (
	gapRounds   = 60
	gapInterval = 50 * time.Millisecond
	gapsAtOnce  = 64 // at least
)

// tell leaves a gap in every mailbox of a channel that its cause concerns as a whole, and in those with groups that it
// concerns, for these: over at most three seconds.
func (l *local) tell(cause string, since time.Time, whole, some func(name string) bool) {
	type told struct {
		box    *layer.Mailbox
		groups []string
	}
	var boxes []told
	for _, m := range l.channels.all() {
		t := told{box: m.Value()}
		if !whole(t.box.Channel()) {
			for _, g := range m.Groups() {
				if some(g) {
					t.groups = append(t.groups, g)
				}
			}
			if t.groups == nil {
				continue
			}
		}
		boxes = append(boxes, t)
	}
	l.work.Go(func() {
		each := max(gapsAtOnce, len(boxes)/gapRounds+1)
		for i, t := range boxes {
			if i > 0 && i%each == 0 && !l.rest(gapInterval) {
				return
			}
			t.box.DeliverGap(layer.Gap{Cause: cause, Since: since, Groups: t.groups})
		}
	})
}

// rest waits, and reports whether the layer has not been closed.
func (l *local) rest(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-l.done:
		return false
	}
}
