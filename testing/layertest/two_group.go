package layertest

import (
	"errors"
	"slices"
	"strconv"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/layer"
)

var twoGroupCases = []Case{
	{
		Name:    "group",
		Promise: "A group's message reaches every member in both processes once, whichever sends it, and nobody else.",
		Limit:   usual,
		run:     twoGroup,
	},
	{
		Name:    "group-far",
		Promise: "A group's message reaches its members in another process also if the sender's has none, and if there are none at all that is no error.",
		Limit:   usual,
		run:     twoGroupFar,
	},
	{
		Name:    "group-join",
		Promise: "A group's message sent by any process after GroupAdd has returned in one arrives.",
		Limit:   usual,
		run:     twoGroupJoin,
	},
	{
		Name:    "group-leave",
		Promise: "Who has left a group gets none of the messages that any process sends to it from then on; the others, in both, get them all.",
		Limit:   usual,
		run:     twoGroupLeave,
	},
	{
		Name:    "group-full",
		Promise: "A member that is full in one process is no error for another that sends to the group, and loses the message alone.",
		Limit:   usual,
		run:     twoGroupFull,
	},
	{
		Name:    "gap-in-peace",
		Promise: "Two layers that have lost nothing report no gap.",
		Limit:   usual,
		run:     twoGapInPeace,
	},
}

// twoGroup has two members and one outsider in each process; both send.
func twoGroup(r *run) {
	ls := r.both(Options{})
	group := r.name("group")
	var members, outsiders []*layer.Mailbox
	for _, l := range ls {
		ms := r.channels(l, 3)
		r.join(l, group, ms[:2]...)
		r.join(l, r.name("other"), ms[2])
		members, outsiders = append(members, ms[:2]...), append(outsiders, ms[2])
	}
	var want []int
	for n := range 6 {
		r.groupSend(ls[n%2], group, message(n))
		want = append(want, n)
	}
	for i, got := range r.drainGroup(ls[:], group, members...) {
		if diff := cmp.Diff(want, sorted(got)); diff != "" {
			r.Errorf("received by a member %s (-want +got):\n%s", where[i/2], diff)
		}
	}
	for i, got := range r.drainSends(ls[:], outsiders...) {
		if len(got) != 0 {
			r.Errorf("received %s by who is not in the group: %v", where[i], got)
		}
	}
}

// twoGroupFar sends from where nobody is in the group.
func twoGroupFar(r *run) {
	ls := r.both(Options{})
	for i, from := range ls {
		to, group := ls[1-i], r.name("group"+where[i])
		if err := from.GroupSend(r.ctx, r.name("nobody"), message(0)); err != nil {
			r.Errorf("GroupSend %s to nobody: %v", where[i], err)
		}
		m := r.channel(to)
		r.join(to, group, m)
		r.groupSend(from, group, message(1))
		if diff := cmp.Diff([]int{1}, sorted(r.drainGroup(ls[i:i+1], group, m)[0])); diff != "" {
			r.Errorf("received from who is %s (-want +got):\n%s", where[i], diff)
		}
		r.leave(to, group, m)
		if err := from.GroupSend(r.ctx, group, message(2)); err != nil {
			r.Errorf("GroupSend %s to nobody any more: %v", where[i], err)
		}
	}
}

// twoGroupJoin joins in one process, and sends in the other at once.
func twoGroupJoin(r *run) {
	const rounds = 5
	ls := r.both(Options{})
	for round := range rounds {
		for i, from := range ls {
			to, group := ls[1-i], r.name("group"+strconv.Itoa(round)+where[i])
			ms := r.channels(to, 2)
			for n, m := range ms { // the first makes the group, the second finds it
				r.join(to, group, m)
				r.groupSend(from, group, message(n))
			}
			for n, got := range r.drainGroup([]layer.ChannelLayer{from}, group, ms...) {
				if !slices.Contains(sorted(got), n) {
					r.Errorf("who had joined before message %d was sent %s received %v", n, where[i], got)
				}
			}
		}
	}
}

// twoGroupLeave has one of two members in a process leave, and join again.
func twoGroupLeave(r *run) {
	ls := r.both(Options{})
	for i, l := range ls {
		group := r.name("group" + where[i])
		ms, other := r.channels(l, 2), r.channel(ls[1-i])
		r.join(l, group, ms...)
		r.join(ls[1-i], group, other)
		send := func(n int) {
			for _, from := range ls {
				r.groupSend(from, group, message(n))
			}
		}
		received := func(who string, want []int, got []layer.Message) {
			if diff := cmp.Diff(want, sorted(got)); diff != "" {
				r.Errorf("%s (-want +got):\n%s", who, diff)
			}
		}
		send(1)
		r.drainGroup(ls[:], group, ms[0], ms[1], other)
		r.leave(l, group, ms[0])
		send(2)
		stayed := r.drainGroup(ls[:], group, ms[1], other)
		received("who stayed "+where[i], []int{2, 2}, stayed[0])
		received("who stayed in the other process", []int{2, 2}, stayed[1])
		received("who left "+where[i], nil, r.drainSends(ls[:], ms[0])[0])
		r.join(l, group, ms[0])
		send(3)
		received("who joined again "+where[i], []int{3, 3}, r.drainGroup(ls[:], group, ms[0])[0])
	}
}

// twoGroupFull has three members here, one of which has room for two of three messages.
func twoGroupFull(r *run) {
	ls := r.both(Options{Capacity: 3})
	here, there := ls[0], ls[1]
	ms, group := r.channels(here, 3), r.name("group")
	r.join(here, group, ms...)
	if err := there.Send(r.ctx, ms[1].Channel(), message(7)); err != nil {
		r.Fatalf("Send: %v", err)
	}
	r.holds(ms[1], 1)
	for n := range 3 {
		if err := there.GroupSend(r.ctx, group, message(n)); err != nil {
			r.Errorf("GroupSend: %v", err)
		}
	}
	for _, m := range []*layer.Mailbox{ms[0], ms[2]} {
		for n := range 3 {
			if got := number(r.receive(m)); got != n {
				r.Errorf("who had room received message %d, want %d", got, n)
			}
		}
	}
	r.holds(ms[1], 3)
	if err := there.Send(r.ctx, ms[1].Channel(), message(8)); err != nil && !errors.Is(err, layer.ErrFull) {
		r.Errorf("Send to the full channel: %v", err)
	}
}

// twoGapInPeace joins, sends, receives and leaves, in both processes.
func twoGapInPeace(r *run) {
	ls := r.both(Options{})
	group := r.name("group")
	var ms []*layer.Mailbox
	for _, l := range ls {
		m := r.channels(l, 2)
		r.join(l, group, m...)
		ms = append(ms, m...)
	}
	r.groupSend(ls[0], group, message(1))
	r.drainGroup(ls[:], group, ms...)
	r.leave(ls[0], group, ms[0])
	r.leave(ls[1], group, ms[3])
	r.drainGroup(ls[:], group, ms[1:3]...)
	r.drainSends(ls[:], ms...)
	for i, m := range ms {
		if g, ok := m.TakeGap(); ok {
			r.Errorf("a channel %s was told of a gap: %+v", where[i/2], g)
		}
	}
}
