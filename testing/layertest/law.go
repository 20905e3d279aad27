package layertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/gochannels/channels/layer"
)

var lawCases = []Case{
	{
		Name:    "conservation",
		Promise: "Messages sent x members = delivered + dropped, by reason, + expired + pending, and the layer's counters say so.",
		Limit:   slow,
		run:     conservation,
	},
}

// tally is what the suite counts for itself, to compare the layer's counters with.
type tally struct {
	taken    atomic.Int64 // Sends that returned nil
	full     atomic.Int64 // Sends that returned ErrFull
	groups   atomic.Int64 // GroupSends
	copies   atomic.Int64 // members they were sent to
	received atomic.Int64
}

// conservation sends more than fits, from four senders at once, to channels of
// which one is read meanwhile, one closed meanwhile, one closed afterwards, one
// left until its messages expired, and one not read at all; then it does the sum.
func conservation(r *run) {
	const senders, each = 4, 5
	l := r.open(Options{Capacity: 8, Expiry: expiry})
	if _, ok := l.(layer.Counted); !ok {
		r.Skip("the layer is not layer.Counted: nothing to compare")
	}
	var t tally
	ms := r.channels(l, 6)
	read, left, kept, ends, old, cut := ms[0], ms[1], ms[2], ms[3], ms[4], ms[5]
	all, some := r.name("all"), r.name("some")
	r.join(l, all, read, left, kept)
	r.join(l, some, left, kept)

	stopReading := r.reads(&t, read)
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				r.tallySend(&t, l, cut)
				if s == 0 && i == each/2 {
					cut.Close()
				}
				r.tallyGroup(&t, l, all, 3)
				r.tallySend(&t, l, read)
				r.tallyGroup(&t, l, some, 2)
				r.tallySend(&t, l, left)
			}
		})
	}
	wg.Wait()
	stopReading()

	closed := int64(0)
	for range 3 {
		closed += r.tallySend(&t, l, ends)
	}
	r.holds(ends, closed)
	ends.Close()
	closed += r.tallySend(&t, l, ends)

	r.join(l, r.name("old"), old)
	for range 2 {
		r.tallySend(&t, l, old)
		r.tallyGroup(&t, l, r.name("old"), 1)
	}
	r.pause(young + outlived)
	for _, m := range ms {
		for _, ok := m.TryReceive(); ok; _, ok = m.TryReceive() {
			t.received.Add(1)
		}
	}
	r.holds(kept, r.tallySend(&t, l, kept)+r.tallySend(&t, l, kept))

	r.sums(&t, l, closed, ms)
}

// reads receives from m with two readers until stop is called.
func (r *run) reads(t *tally, m *layer.Mailbox) (stop func()) {
	ctx, cancel := context.WithCancel(r.ctx)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				if _, err := m.Receive(ctx); err != nil {
					return
				}
				t.received.Add(1)
			}
		})
	}
	return func() {
		cancel()
		wg.Wait()
	}
}

// tallySend returns 1 if the message was taken. An error other than ErrFull is
// some other case's affair, but its message must not count.
func (r *run) tallySend(t *tally, l layer.ChannelLayer, m *layer.Mailbox) int64 {
	switch err := l.Send(r.ctx, m.Channel(), message(1)); {
	case err == nil:
		t.taken.Add(1)
		return 1
	case errors.Is(err, layer.ErrFull):
		t.full.Add(1)
	}
	return 0
}

func (r *run) tallyGroup(t *tally, l layer.ChannelLayer, group string, members int64) {
	if err := l.GroupSend(r.ctx, group, message(1)); err != nil && !errors.Is(err, layer.ErrFull) {
		r.Errorf("GroupSend: %v", err)
		return
	}
	t.groups.Add(1)
	t.copies.Add(members)
}

// holds waits until n messages lie in m.
func (r *run) holds(m *layer.Mailbox, n int64) {
	r.Helper()
	for int64(m.Len()) != n {
		if !r.pause(beat) {
			r.Fatalf("%d messages in a mailbox, want %d", m.Len(), n)
		}
	}
}

// sums waits until the layer's counters agree with the suite's.
func (r *run) sums(t *tally, l any, closed int64, ms []*layer.Mailbox) {
	r.Helper()
	var queued, dropped int64
	for _, m := range ms {
		queued += int64(m.Len())
	}
	sent := t.taken.Load() + t.full.Load() + t.copies.Load()
	problem := ""
	expect := func(what string, ok bool, want int64) {
		if !ok && problem == "" {
			problem = fmt.Sprintf("%s, the suite's own count is %d", what, want)
		}
	}
	s, _ := r.tryUntil(l, func(s layer.Stats) bool {
		problem, dropped = "", 0
		for _, n := range s.Dropped {
			dropped += n
		}
		expect("Sent", s.Sent == t.taken.Load(), t.taken.Load())
		expect("GroupSent", s.GroupSent == t.groups.Load(), t.groups.Load())
		expect("Routed", s.Routed == sent, sent)
		expect("Delivered", s.Delivered == t.received.Load(), t.received.Load())
		expect("Pending", s.Pending == queued, queued)
		expect("Dropped as full, at least", s.Dropped[layer.DropFull] >= t.full.Load(), t.full.Load())
		expect("Dropped for channels that ended, at least",
			s.Dropped[layer.DropClosed]+s.Dropped[layer.DropNoReceiver] >= closed, closed)
		expect("the sum of all ends", t.received.Load()+dropped+s.Expired+queued == sent, sent)
		return problem == ""
	})
	if problem != "" {
		r.Errorf("%s; the layer's counters stay at %+v", problem, s)
	}
}
