package layertest

import (
	"errors"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/layer"
)

var capacityCases = []Case{
	{
		Name:    "full-refuses",
		Promise: "Send to a named channel that holds Capacity messages answers ErrFull.",
		Limit:   usual,
		run:     fullRefuses,
	},
	{
		Name:    "full-newest",
		Promise: "A channel holds Capacity messages, and what comes on top of them is lost.",
		Limit:   usual,
		run:     fullNewest,
	},
	{
		Name:    "full-recovers",
		Promise: "A full channel takes a message again as soon as one was read.",
		Limit:   usual,
		run:     fullRecovers,
	},
	{
		Name:    "full-siblings",
		Promise: "A full channel takes no room from the others.",
		Limit:   usual,
		run:     fullSiblings,
	},
	{
		Name:    "full-group",
		Promise: "GroupSend never fails for a member that is full.",
		Limit:   usual,
		run:     fullGroup,
	},
	{
		Name:    "full-members",
		Promise: "A member that is full loses a group's message alone.",
		Limit:   usual,
		run:     fullMembers,
	},
	{
		Name:    "channel-capacity",
		Promise: "The first entry of ChannelCapacity that matches a channel's name says what it holds, else Capacity.",
		Limit:   usual,
		run:     channelCapacity,
	},
}

// fill sends n numbered messages and returns how many of them were refused with
// ErrFull. A layer over a broker may only learn at the far end that there is no
// room, so a specific channel's Send need not refuse.
func (r *run) fill(l layer.ChannelLayer, channel string, n int) (refused int) {
	r.Helper()
	for i := range n {
		err := l.Send(r.ctx, channel, message(i))
		if errors.Is(err, layer.ErrFull) {
			refused++
		} else if err != nil {
			r.Fatalf("Send: %v", err)
		}
	}
	return refused
}

// dropped waits until the layer has counted n messages as lost to full channels.
func (r *run) dropped(l layer.ChannelLayer, n int64) {
	r.Helper()
	r.settled(l, "messages lost to a full channel", func(s layer.Stats) bool {
		return s.Dropped[layer.DropFull]+s.Dropped[layer.DropOldest] >= n
	})
}

// fillGroup is fill by GroupSend. Whether that may refuse is full-group's affair.
func (r *run) fillGroup(l layer.ChannelLayer, group string, n int) {
	r.Helper()
	for i := range n {
		if err := l.GroupSend(r.ctx, group, message(i)); err != nil && !errors.Is(err, layer.ErrFull) {
			r.Fatalf("GroupSend: %v", err)
		}
	}
}

// fullRefuses fills a named channel that nobody receives from.
func fullRefuses(r *run) {
	l := r.open(Options{Capacity: 3})
	if !r.named(l) {
		return
	}
	if n := r.fill(l, r.name("queue"), 5); n != 2 {
		r.Errorf("%d of 5 messages refused with room for 3", n)
	}
}

// fullNewest sends two more than fit, to one channel itself, to another by a group.
func fullNewest(r *run) {
	l := r.open(Options{Capacity: 3})
	ms, group := r.channels(l, 2), r.name("group")
	r.join(l, group, ms[1])
	r.fill(l, ms[0].Channel(), 5)
	r.fillGroup(l, group, 5)
	r.dropped(l, 4)
	if diff := cmp.Diff([][]int{{0, 1, 2}, {0, 1, 2}}, r.numbers(l, ms...)); diff != "" {
		r.Errorf("messages received by each (-want +got):\n%s", diff)
	}
}

// fullRecovers reads one message of a channel that has just refused another.
func fullRecovers(r *run) {
	l := r.open(Options{Capacity: 3})
	m := r.channel(l)
	r.fill(l, m.Channel(), 4)
	r.dropped(l, 1)
	r.receive(m)
	r.send(l, m.Channel(), message(9))
	for r.receive(m)["n"] != int64(9) {
	}
}

// fullSiblings fills one channel and sends to another of the same layer.
func fullSiblings(r *run) {
	l := r.open(Options{Capacity: 3})
	full, other := r.channel(l), r.channel(l)
	r.fill(l, full.Channel(), 4)
	r.dropped(l, 1)
	r.send(l, other.Channel(), message(9))
	if got := number(r.receive(other)); got != 9 {
		r.Errorf("received message %d, want 9", got)
	}
}

// fullGroup sends more to a group than its member holds.
func fullGroup(r *run) {
	l := r.open(Options{Capacity: 3})
	group := r.name("group")
	r.join(l, group, r.channel(l))
	for range 5 {
		if err := l.GroupSend(r.ctx, group, message(1)); err != nil {
			r.Errorf("GroupSend: %v", err)
		}
	}
}

// fullMembers sends to three members; the second holds a message already. Which
// of its messages it loses is full-newest's affair.
func fullMembers(r *run) {
	l := r.open(Options{Capacity: 3})
	ms, group := r.channels(l, 3), r.name("group")
	r.join(l, group, ms...)
	r.send(l, ms[1].Channel(), message(7))
	r.fillGroup(l, group, 3)
	r.dropped(l, 1)
	got := r.numbers(l, ms...)
	for _, i := range []int{0, 2} {
		if diff := cmp.Diff([]int{0, 1, 2}, got[i]); diff != "" {
			r.Errorf("messages received by member %d (-want +got):\n%s", i, diff)
		}
	}
	if len(got[1]) != 3 {
		r.Errorf("the full member received %v, want three messages", got[1])
	}
}

// drainNamed returns the numbers of what a named channel holds, one at least.
func (r *run) drainNamed(l layer.ChannelLayer, channel string) []int {
	const last = 1000
	r.Helper()
	got := []int{number(r.receiveNamed(l, channel))}
	for l.Send(r.ctx, channel, message(last)) != nil {
		got = append(got, number(r.receiveNamed(l, channel)))
	}
	for n := number(r.receiveNamed(l, channel)); n != last; n = number(r.receiveNamed(l, channel)) {
		got = append(got, n)
	}
	return got
}

// channelCapacity gives one entry that fits nothing, two that fit everything. It
// looks at a named channel where there are any, else at a specific one.
func channelCapacity(r *run) {
	l := r.open(Options{Capacity: 3, ChannelCapacity: []layer.ChannelCapacity{
		{Pattern: "nothing-*", Capacity: 9},
		{Pattern: "*" + r.tag, Capacity: 1},
		{Pattern: "*", Capacity: 2},
	}})
	if r.named(l) {
		for channel, want := range map[string][]int{r.name("one"): {0}, "two": {0, 1}} {
			r.fill(l, channel, 4)
			if diff := cmp.Diff(want, r.drainNamed(l, channel)); diff != "" {
				r.Errorf("what %q held (-want +got):\n%s", channel, diff)
			}
		}
		return
	}
	m := r.channel(l)
	r.fill(l, m.Channel(), 4)
	r.dropped(l, 2)
	if diff := cmp.Diff([]int{0, 1}, r.numbers(l, m)[0]); diff != "" {
		r.Errorf("messages received (-want +got):\n%s", diff)
	}
}
