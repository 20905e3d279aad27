package layer

import (
	"slices"
	"time"
)

// Gap says that a layer lost messages to a mailbox, or must assume so. It is a signal of its own, which no message can
// forge: who gets one fetches the state again that the messages would have kept current.
type Gap struct {
	Cause  string    // what happened, in words, for logs
	Since  time.Time // from when on messages may be missing
	Groups []string  // the groups concerned, sorted; none means that it may be any
}

// DeliverGap leaves g in the mailbox, outside its capacity, until TakeGap takes it. If one waits already they become
// one: the earlier Since, the first Cause, all Groups. A closed mailbox ignores it.
func (m *Mailbox) DeliverGap(g Gap) {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return
	}
	var ready func()
	switch {
	case m.gap != nil:
		m.gap = m.gap.join(g)
	default:
		if m.queue.n == 0 {
			ready = m.onReady
		}
		g.Groups = union(g.Groups, nil)
		m.gap = &g
		m.opts.Counters.gap(m.stripe)
	}
	m.mu.Unlock()
	if ready != nil {
		ready()
	}
}

// TakeGap takes the gap; false means that there is none. It is to be asked before each message.
func (m *Mailbox) TakeGap() (Gap, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gap == nil {
		return Gap{}, false
	}
	g := *m.gap
	m.gap = nil
	return g, true
}

func (g *Gap) join(other Gap) *Gap {
	joined := *g
	if other.Since.Before(g.Since) {
		joined.Since = other.Since
	}
	joined.Groups = nil
	if len(g.Groups) > 0 && len(other.Groups) > 0 {
		joined.Groups = union(g.Groups, other.Groups)
	}
	return &joined
}

// union returns a sorted copy without duplicates.
func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}
