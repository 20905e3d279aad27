package layertest

import (
	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/layer"
)

var twoEndCases = []Case{
	{
		Name:    "expiry",
		Promise: "A message from another process that has waited longer than Expiry is never delivered.",
		Limit:   slow,
		run:     twoExpires,
	},
	{
		Name:    "close",
		Promise: "Closing one process' layer ends nothing in another, and a new one joins in.",
		Limit:   usual,
		run:     twoClose,
	},
	{
		Name:    "killed",
		Promise: "A process that is killed leaves nothing behind that harms another: its groups go on, and a new process joins in.",
		Limit:   slow,
		run:     twoKilled,
	},
}

// twoExpires lets messages from there grow too old here, and in a named channel where there are any.
func twoExpires(r *run) {
	ls := r.both(Options{Expiry: expiry})
	here, there := ls[0], ls[1]
	m, group, channel := r.channel(here), r.name("group"), r.name("jobs")
	r.join(here, group, m)
	r.send(there, m.Channel(), message(1))
	r.groupSend(there, group, message(2))
	named := r.named(here)
	if named {
		r.send(there, channel, message(3))
	}
	r.queued(m, 2)
	r.pause(young + outlived)
	got := r.drainSends(ls[1:], m)[0]
	got = append(got, r.drainGroup(ls[1:], group, m)[0]...)
	if len(got) != 0 {
		r.Errorf("messages %v arrived %v after their expiry of %v", sorted(got), young+outlived-expiry, expiry)
	}
	if named {
		r.send(there, channel, message(4))
		if n := number(r.receiveNamed(here, channel)); n != 4 {
			r.Errorf("the named channel still held message %d", n)
		}
	}
}

// twoClose closes the layer there, opens another in its place, and then does so here.
func twoClose(r *run) {
	config := r.two.Config(r.TB)
	ls := [2]layer.ChannelLayer{r.openHere(config, Options{}), r.openThere(r.two.there, config, Options{})}
	again := [2]func() layer.ChannelLayer{
		func() layer.ChannelLayer { return r.openHere(config, Options{}) },
		func() layer.ChannelLayer { return r.openThere(r.two.there, config, Options{}) },
	}
	for _, ends := range []int{1, 0} {
		r.survives(ls[1-ends], ls[ends], r.name("group"+where[ends]),
			func() {
				if err := ls[ends].Close(); err != nil {
					r.Errorf("Close %s: %v", where[ends], err)
				}
			},
			func() layer.ChannelLayer {
				ls[ends] = again[ends]()
				return ls[ends]
			})
	}
}

// twoKilled kills a process of its own, and starts another.
func twoKilled(r *run) {
	config, process := r.two.Config(r.TB), r.two.start(r.TB)
	here, there := r.openHere(config, Options{}), r.openThere(process, config, Options{})
	r.survives(here, there, r.name("group"), process.Kill, func() layer.ChannelLayer {
		return r.openThere(r.two.start(r.TB), config, Options{})
	})
}

// survives has one layer's process go on by itself when the other's has ended, and with its successor.
func (r *run) survives(stays, ends layer.ChannelLayer, group string, end func(), again func() layer.ChannelLayer) {
	r.Helper()
	m := r.channel(stays)
	r.join(stays, group, m)
	gone := r.channels(ends, 2)
	r.join(ends, group, gone...)
	r.groupSend(ends, group, message(1))
	r.groupSend(stays, group, message(2))
	received := func(m *layer.Mailbox, want []int, senders ...layer.ChannelLayer) {
		r.Helper()
		if diff := cmp.Diff(want, sorted(r.drainGroup(senders, group, m)[0])); diff != "" {
			r.Errorf("received (-want +got):\n%s", diff)
		}
	}
	received(m, []int{1, 2}, stays, ends)
	end()
	r.groupSend(stays, group, message(3))
	r.groupSend(stays, group, message(4))
	received(m, []int{3, 4}, stays)
	r.send(stays, gone[0].Channel(), message(5))
	r.send(stays, m.Channel(), message(6))
	if diff := cmp.Diff([]int{6}, sorted(r.drainSends([]layer.ChannelLayer{stays}, m)[0])); diff != "" {
		r.Errorf("received by itself (-want +got):\n%s", diff)
	}
	if g, ok := m.TakeGap(); ok {
		r.Errorf("who stayed was told of a gap: %+v", g)
	}
	next := again()
	n := r.channel(next)
	r.join(next, group, n)
	r.groupSend(stays, group, message(7))
	r.groupSend(next, group, message(8))
	received(m, []int{7, 8}, stays, next)
	// The fences of the other mailbox came to this one first.
	var got []int
	for _, msg := range r.drainGroup([]layer.ChannelLayer{stays, next}, group, n)[0] {
		if number(msg) >= 0 {
			got = append(got, number(msg))
		}
	}
	if diff := cmp.Diff([]int{7, 8}, got); diff != "" && !cmp.Equal([]int{8, 7}, got) {
		r.Errorf("received by the successor (-want +got):\n%s", diff)
	}
}
