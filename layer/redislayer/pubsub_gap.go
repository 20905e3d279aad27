package redislayer

import (
	"time"

	"github.com/gochannels/channels/layer"
)

// Gaps after an outage are spread, as each may make a consumer fetch its state anew.
const (
	gapRounds   = 60
	gapInterval = 50 * time.Millisecond
	gapsAtOnce  = 64 // at least
)

// told is a mailbox that is to learn of a gap, in those groups or in any.
type told struct {
	box    *layer.Mailbox
	groups []string
}

// tell leaves a gap in every mailbox that the outage of a shard concerns, over at most three seconds.
func (l *PubSub) tell(s *shard, o outage) {
	boxes := l.concerned(s)
	l.work.Go(func() {
		each := max(gapsAtOnce, len(boxes)/gapRounds+1)
		for i, b := range boxes {
			if i > 0 && i%each == 0 && !pause(s.ctx, gapInterval) {
				return
			}
			b.box.DeliverGap(layer.Gap{Cause: "redis: " + o.cause.Error(), Since: o.since, Groups: b.groups})
		}
	})
}

// concerned returns the mailboxes that hear something from a shard.
func (l *PubSub) concerned(s *shard) []told {
	var boxes []told
	for _, m := range l.channels.all() {
		box := m.Value()
		if l.shard(box.Channel()) == s {
			boxes = append(boxes, told{box: box})
			continue
		}
		var groups []string
		for _, name := range m.Groups() {
			if l.shard(l.groups+name) == s {
				groups = append(groups, name)
			}
		}
		if groups != nil {
			boxes = append(boxes, told{box, groups})
		}
	}
	return boxes
}
