package layertest

import (
	"slices"
	"time"

	"github.com/gochannels/channels/layer"
)

// Expiry cases let messages age by half, then beyond the expiry, and leave a
// broker's clock half a second of error each way.
const (
	expiry   = 2 * time.Second
	young    = 1250 * time.Millisecond
	outlived = 1500 * time.Millisecond // after young
	slow     = 60 * time.Second
)

var expiryCases = []Case{
	{
		Name:    "expiry",
		Promise: "A message that has waited longer than Expiry is never delivered.",
		Limit:   slow,
		run:     expires,
	},
	{
		Name:    "expiry-young",
		Promise: "A message is kept for all of its own Expiry, whatever becomes of older ones.",
		Limit:   slow,
		run:     expiryYoung,
	},
	{
		Name:    "expiry-room",
		Promise: "Expired messages take no room.",
		Limit:   slow,
		run:     expiryRoom,
	},
	{
		Name:    "expiry-unread",
		Promise: "A named channel nobody reads is forgotten once its messages have expired, and they are counted.",
		Limit:   slow,
		run:     expiryUnread,
	},
}

// expires lets two messages, one each way, grow too old.
func expires(r *run) {
	l := r.open(Options{Expiry: expiry})
	m, group := r.channel(l), r.name("group")
	r.join(l, group, m)
	r.send(l, m.Channel(), message(1))
	r.groupSend(l, group, message(2))
	r.queued(m, 2)
	r.pause(young + outlived)
	if got := r.numbers(l, m)[0]; len(got) != 0 {
		r.Errorf("messages %v arrived %v after their expiry of %v", got, young+outlived-expiry, expiry)
	}
}

// queued waits until so many messages wait in a mailbox, as they may come late over a broker and by a slow machine, and
// are young when they do. Some may have expired before the others came, so it does not wait for ever.
func (r *run) queued(m *layer.Mailbox, n int) {
	for began := time.Now(); m.Len() < n && time.Since(began) < 5*expiry; {
		r.pause(beat)
	}
}

// expiryYoung reads one channel half-way, another when the older half of what it
// was sent has expired.
func expiryYoung(r *run) {
	l := r.open(Options{Expiry: expiry})
	early, late, group := r.channel(l), r.channel(l), r.name("group")
	r.join(l, group, early, late)
	sent := time.Now()
	r.send(l, early.Channel(), message(1))
	r.send(l, late.Channel(), message(1))
	r.groupSend(l, group, message(2))
	r.pause(young)
	has := func(got []int, want ...int) {
		r.Helper()
		for _, n := range want {
			// On a machine that is too slow, they were too old.
			if !slices.Contains(got, n) && time.Since(sent) < expiry {
				r.Errorf("message %d is lost after %v of %v; received %v", n, young, expiry, got)
			}
		}
	}
	has(r.numbers(l, early)[0], 1, 2)

	sent = time.Now()
	r.send(l, late.Channel(), message(3))
	r.groupSend(l, group, message(4))
	r.pause(young)
	has(r.numbers(l, late)[0], 3, 4)
}

// expiryRoom fills a channel, named where there are any, and lets all expire.
func expiryRoom(r *run) {
	l := r.open(Options{Capacity: 3, Expiry: expiry})
	named := r.named(l)
	var m *layer.Mailbox
	channel := r.name("queue")
	if !named {
		m = r.channel(l)
		channel = m.Channel()
	}
	r.fill(l, channel, 3)
	if !named {
		r.queued(m, 3)
	}
	r.pause(young + outlived)
	for i := range 3 {
		r.send(l, channel, message(10+i))
	}
	for i := range 3 {
		var got int
		if named {
			got = number(r.receiveNamed(l, channel))
		} else {
			got = number(r.receive(m))
		}
		if got != 10+i {
			r.Errorf("received message %d, want %d", got, 10+i)
		}
	}
}

// expiryUnread keeps the layer busy elsewhere, as layers sweep within calls; the
// other channel too is forgotten in the end. A layer that holds no named channels
// itself has no say in this.
func expiryUnread(r *run) {
	l := r.open(Options{Expiry: expiry})
	c, counted := l.(layer.Counted)
	if !r.named(l) || !counted {
		return
	}
	m, group := r.channel(l), r.name("group")
	r.join(l, group, m)
	before := c.Stats().Channels
	r.send(l, r.name("queue"), message(1))
	if c.Stats().Channels == before {
		return
	}
	r.pause(young + outlived)
	for {
		r.groupSend(l, group, message(2))
		r.receive(m)
		r.send(l, r.name("other"), message(3))
		r.receiveNamed(l, r.name("other"))
		s := c.Stats()
		if s.Channels == before && s.Expired == 1 {
			return
		}
		if !r.pause(expiry / 4) {
			r.Fatalf("after the expiry %d channels and %d messages expired, want %d and 1", s.Channels, s.Expired, before)
		}
	}
}
