package layer

import "sync/atomic"

// DropReason says why a message was dropped.
type DropReason string

// The reasons there are.
const (
	DropFull       DropReason = "full"        // the mailbox was full, and this the newest message
	DropOldest     DropReason = "oldest"      // the mailbox was full, and this the oldest message
	DropClosed     DropReason = "closed"      // it was queued in a mailbox that was closed, or delivered to it
	DropNoReceiver DropReason = "no_receiver" // there was no such channel
)

const (
	dropFull = iota
	dropOldest
	dropClosed
	dropNoReceiver
	dropReasons
)

var reasons = [dropReasons]DropReason{DropFull, DropOldest, DropClosed, DropNoReceiver}

// Counters count what becomes of a layer's messages. The zero value is ready to use; a nil *Counters counts nothing.
// Mailboxes count deliveries, expiries and their own drops; the rest a layer counts by the methods. All may be called
// concurrently, and cores that count at the same time do not wait for each other.
type Counters struct {
	stripes [stripeCount]stripe
}

const stripeCount = 16

// stripe is two cache lines; each mailbox counts in one of them.
type stripe struct {
	sent, groupSent, routed, delivered, expired, gaps atomic.Int64
	dropped                                           [dropReasons]atomic.Int64
	_                                                 [128 - 8*(6+dropReasons)]byte
}

var stripes atomic.Uint32

func nextStripe() uint8 { return uint8(stripes.Add(1) % stripeCount) }

// Sent counts a Send that is about to return nil.
func (c *Counters) Sent() {
	if c != nil {
		c.stripes[0].sent.Add(1)
	}
}

// GroupSent counts a GroupSend that is about to return nil.
func (c *Counters) GroupSent() {
	if c != nil {
		c.stripes[0].groupSent.Add(1)
	}
}

// Routed counts n copies of a message that are about to be delivered. It is to be called before the first is.
func (c *Counters) Routed(n int) {
	if c != nil {
		c.stripes[0].routed.Add(int64(n))
	}
}

// Drop counts n routed copies that no mailbox could count. A reason that is not one of the constants panics.
func (c *Counters) Drop(reason DropReason, n int) {
	for i, r := range reasons {
		if r == reason {
			c.dropped(0, i, n)
			return
		}
	}
	panic("layer: unknown drop reason " + string(reason))
}

func (c *Counters) dropped(stripe uint8, reason, n int) {
	if c != nil && n > 0 {
		c.stripes[stripe].dropped[reason].Add(int64(n))
	}
}

func (c *Counters) delivered(stripe uint8) {
	if c != nil {
		c.stripes[stripe].delivered.Add(1)
	}
}

func (c *Counters) expired(stripe uint8) {
	if c != nil {
		c.stripes[stripe].expired.Add(1)
	}
}

func (c *Counters) gap(stripe uint8) {
	if c != nil {
		c.stripes[stripe].gaps.Add(1)
	}
}

// Stats returns the sums. Those of what is under way meanwhile may be missing, but a copy that is counted as delivered,
// expired or dropped is always counted as routed as well, so Pending is never negative.
func (c *Counters) Stats() Stats {
	s := Stats{Dropped: make(map[DropReason]int64, dropReasons)}
	if c == nil {
		return s
	}
	var dropped int64
	for i := range c.stripes {
		p := &c.stripes[i]
		s.Delivered += p.delivered.Load()
		s.Expired += p.expired.Load()
		s.Gaps += p.gaps.Load()
		for j := range p.dropped {
			n := p.dropped[j].Load()
			s.Dropped[reasons[j]] += n
			dropped += n
		}
	}
	for i := range c.stripes {
		p := &c.stripes[i]
		s.Sent += p.sent.Load()
		s.GroupSent += p.groupSent.Load()
		s.Routed += p.routed.Load()
	}
	s.Pending = s.Routed - s.Delivered - s.Expired - dropped
	return s
}
