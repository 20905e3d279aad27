package redislayer

import (
	"time"

	"github.com/gochannels/channels/layer"
)

// overflowPause is how long a key that was found nearly full is not reported again.
const overflowPause = 5 * time.Second

// tellOutage leaves a gap in every mailbox that the outage of a server concerns: all, if it is our home, else those in a
// group that it has.
func (l *Core) tellOutage(s *coreShard, since time.Time, cause error) {
	text := "redis: the connection was lost"
	if cause != nil {
		text = "redis: " + cause.Error()
	}
	l.tell(text, since, func(string) bool { return s.index == l.names.home },
		func(group string) bool { return l.shardOf(group) == s })
}

// tellLost does so in those that were in groups of which the server had lost our membership.
func (l *Core) tellLost(s *coreShard, lost []membership, since time.Time) {
	groups := make(map[string]bool, len(lost))
	for _, m := range lost {
		groups[m.group] = true
	}
	l.tell("redis: the server had lost the membership", since, func(string) bool { return false },
		func(group string) bool { return groups[group] })
}

// tellOverflow does so in those whose messages come by a key.
func (l *Core) tellOverflow(key int, since time.Time) {
	l.tell("suspected_overflow", since, func(channel string) bool { return l.names.own(channel) == key },
		func(group string) bool { return l.names.keyOf(group) == key })
}

// tell leaves a gap in those mailboxes that a cause concerns as a whole, or in some of their groups, over at most three
// seconds, as each gap may make a consumer fetch its state anew.
func (l *Core) tell(cause string, since time.Time, whole, some func(name string) bool) {
	const rounds, interval, least = 60, 50 * time.Millisecond, 64
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
		each := max(least, len(boxes)/rounds+1)
		for i, t := range boxes {
			if i > 0 && i%each == 0 && !l.rest(interval) {
				return
			}
			t.box.DeliverGap(layer.Gap{Cause: cause, Since: since, Groups: t.groups})
		}
	})
}

// rest waits, and reports whether the layer has not been closed.
func (l *Core) rest(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-l.done:
		return false
	}
}
