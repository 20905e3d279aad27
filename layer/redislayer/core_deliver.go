package redislayer

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"time"
	"unsafe"

	"github.com/gochannels/channels/layer"
)

// arrival is a decoded message.
type arrival struct {
	entry
	e     layer.Envelope
	names []string
	keys  uint8 // a bit for each key that a copy came by
}

// deliver hands out what the reader has taken, for as long as the layer is open.
func (s *coreShard) deliver() {
	l := s.layer
	for {
		b, ok := s.inbox.next(l.done)
		if !ok {
			return
		}
		l.receive(b.entries)
		for key, n := range b.found {
			if n > 0 {
				l.watch(key, n, b.since)
			}
		}
		if b.take > 0 {
			l.leavers.end(b.take)
		}
	}
}

// receive decodes messages and delivers them. One that is none costs itself.
func (l *Core) receive(entries []entry) {
	var one [1]arrival
	tied := one[:0] // all of one score
	for _, x := range entries {
		a := arrival{entry: x, keys: 1 << x.key}
		var err error
		// The client makes each payload a string of its own, so the envelope may keep its bytes.
		a.e, a.names, err = l.codec.Decode(unsafe.Slice(unsafe.StringData(x.payload), len(x.payload)), time.Now())
		if n := len(a.names); n > 0 && a.names[n-1] == goSender {
			a.names = a.names[:n-1]
		} else {
			l.heardPython.Store(time.Now().UnixNano())
		}
		switch {
		case err != nil:
			l.events.refuse(err)
			continue
		case len(a.names) == 0:
			l.events.refuse(errNoChannel)
			continue
		case len(tied) > 0 && tied[0].score != a.score:
			l.hand(tied)
			tied = tied[:0]
		}
		if i := slices.IndexFunc(tied, func(t arrival) bool { return t.copies(&a) }); i >= 0 {
			tied[i].names = append(slices.Clip(tied[i].names), a.names...)
			tied[i].keys |= a.keys
		} else {
			tied = append(tied, a)
		}
	}
	l.hand(tied)
}

var errNoChannel = errors.New("the message names no channel")

// copies reports whether a and b, of one score, are copies of one message: a group message makes one for each key. A channel
// that is in the group here, and in Python by its own name, may be meant by two of them.
func (a *arrival) copies(b *arrival) bool {
	if a.keys&b.keys != 0 || a.e.Type() != b.e.Type() {
		return false
	}
	x, err := a.e.Msgpack()
	if err != nil {
		return false
	}
	y, err := b.e.Msgpack()
	return err == nil && bytes.Equal(x, y)
}

// hand delivers messages to all whom their names stand for, each to each once.
func (l *Core) hand(all []arrival) {
	for i := range all {
		l.handOne(&all[i])
		all[i] = arrival{}
	}
}

func (l *Core) handOne(a *arrival) {
	var to []*layer.Mailbox
	if len(a.names) == 1 {
		to, _ = l.find(a.names[0], a.score)
	} else {
		lists := make([][]*layer.Mailbox, len(a.names))
		for i, name := range a.names {
			lists[i], _ = l.find(name, a.score)
		}
		to = unite(lists...)
	}
	l.counters.Routed(len(to))
	for _, box := range to {
		_ = box.Deliver(a.e) // what a member cannot take is counted
	}
}

// find returns the mailboxes that a name in a message stands for. The slice may be shared. It is false for a name that
// stands for none here.
func (l *Core) find(name string, at float64) ([]*layer.Mailbox, bool) {
	boxes, unknown := l.recipients(name)
	if late := l.leavers.of(name, at); late != nil {
		return unite(boxes, late), true
	}
	if !unknown {
		return boxes, true
	}
	if passed, ok := l.fences.LoadAndDelete(name); ok {
		close(passed.(chan struct{}))
		return nil, false
	}
	if !isMembership(name) {
		l.counters.Routed(1)
		l.counters.Drop(layer.DropNoReceiver, 1)
	}
	return nil, false
}

// unite returns all mailboxes of the lists, each once, in a slice of its own.
func unite(lists ...[]*layer.Mailbox) []*layer.Mailbox {
	var all []*layer.Mailbox
	seen := make(map[*layer.Mailbox]struct{})
	for _, boxes := range lists {
		for _, box := range boxes {
			if _, ok := seen[box]; !ok {
				seen[box] = struct{}{}
				all = append(all, box)
			}
		}
	}
	return all
}

// isMembership reports whether a channel of ours is a membership, which may have just ended.
func isMembership(channel string) bool {
	return len(channel) == memberSize && strings.HasPrefix(channel[processSize:], goMark)
}

// pythonGone is how long after its last message we look out for a Python sender's losses.
const pythonGone = 10 * time.Minute

// watch looks at how many messages were found in a key.
func (l *Core) watch(key int, n int64, since time.Time) {
	capacity := int64(l.capacities.Of(l.names.processes[key]))
	if n < (9*capacity+9)/10 {
		return
	}
	now := time.Now()
	if now.UnixNano()-l.heardPython.Load() > int64(pythonGone) {
		return // Go's senders count otherwise
	}
	last := l.overflow[key].Load()
	if now.UnixNano()-last < int64(overflowPause) || !l.overflow[key].CompareAndSwap(last, now.UnixNano()) {
		return
	}
	l.events.log.Warn("redislayer: a key was nearly full, and Python senders may have dropped messages",
		"messages", n, "capacity", capacity)
	l.tellOverflow(key, since)
}
