package layertest

import (
	"sync"

	"github.com/gochannels/channels/layer"
)

var twoLawCases = []Case{
	{
		Name:    "conservation",
		Promise: "Messages sent by two processes x members in both = delivered + dropped, by reason, + expired + pending, and the layers' counters, added up, say so.",
		Limit:   usual,
		run:     twoConservation,
	},
}

// twoConservation sends from both processes at once, more than fits, to a channel in each that is read, one here that is
// not, one in each that ends, and a group; then it does the sum.
func twoConservation(r *run) {
	const each = 8
	ls := r.both(Options{Capacity: each})
	if _, ok := ls[0].(layer.Counted); !ok {
		r.Skip("the layer is not layer.Counted: nothing to compare")
	}
	var t tally
	group := r.name("group")
	kept := r.channel(ls[0])
	r.join(ls[0], group, kept)
	var read, ends []*layer.Mailbox
	var stop []func()
	for i, l := range ls {
		read, ends = append(read, r.channel(l)), append(ends, r.channel(l))
		r.join(l, group, read[i])
		stop = append(stop, r.reads(&t, read[i]))
	}
	var wg sync.WaitGroup
	for i, l := range ls {
		wg.Go(func() {
			for range each {
				r.tallySend(&t, l, kept)
				r.tallySend(&t, l, read[1-i])
				r.tallyGroup(&t, l, group, 3)
			}
		})
	}
	wg.Wait()
	closed := int64(0)
	for i, l := range ls {
		r.tallySend(&t, l, ends[1-i])
		r.receive(ends[1-i])
		t.received.Add(1)
		ends[1-i].Close()
		closed += r.tallySend(&t, l, ends[1-i])
	}
	r.holds(kept, each)
	r.sums(&t, together(ls), closed, []*layer.Mailbox{kept})
	for _, stop := range stop {
		stop()
	}
}

// together adds up the counters of both layers.
type together [2]layer.ChannelLayer

func (ls together) Stats() layer.Stats {
	s := layer.Stats{Dropped: make(map[layer.DropReason]int64)}
	for _, l := range ls {
		one := l.(layer.Counted).Stats()
		s.Sent, s.GroupSent, s.Routed = s.Sent+one.Sent, s.GroupSent+one.GroupSent, s.Routed+one.Routed
		s.Delivered, s.Expired, s.Pending = s.Delivered+one.Delivered, s.Expired+one.Expired, s.Pending+one.Pending
		for reason, n := range one.Dropped {
			s.Dropped[reason] += n
		}
	}
	return s
}
