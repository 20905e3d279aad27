package layertest

import (
	"errors"
	"slices"
	"sync"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/layer"
)

// Cases about named channels; each passes where there are none.
var twoNamedCases = []Case{
	{
		Name:    "named",
		Promise: "A named channel keeps what one process sends to it, in order, for another to receive.",
		Limit:   usual,
		run:     twoNamed,
	},
	{
		Name:    "named-one-receiver",
		Promise: "Each message of a named channel goes to one receiver, whichever process it waits in.",
		Limit:   usual,
		run:     twoNamedOneReceiver,
	},
	{
		Name:    "named-in-group",
		Promise: "A named channel that one process has put into a group is a member for the other.",
		Limit:   usual,
		run:     twoNamedInGroup,
	},
	{
		Name:    "named-full",
		Promise: "Send to a named channel that another process has filled answers ErrFull.",
		Limit:   usual,
		run:     twoNamedFull,
	},
}

// twoNamed sends in one process and receives in the other, both ways.
func twoNamed(r *run) {
	ls := r.both(Options{})
	if !r.named(ls[0]) {
		return
	}
	for i, from := range ls {
		channel := r.name("jobs" + where[i])
		for n := range 3 {
			r.send(from, channel, message(n))
		}
		for n := range 3 {
			if got := number(r.receiveNamed(ls[1-i], channel)); got != n {
				r.Errorf("sent %s: received message %d, want %d", where[i], got, n)
			}
		}
	}
}

// twoNamedOneReceiver has two receivers in each process share what both send. Each ends when it gets one of as many
// last messages.
func twoNamedOneReceiver(r *run) {
	const receivers, n, last = 2, 20, 1000
	ls := r.both(Options{})
	if !r.named(ls[0]) {
		return
	}
	var mu sync.Mutex
	var got []int
	var wg sync.WaitGroup
	channel := r.name("jobs")
	for i := range len(ls) * receivers {
		wg.Go(func() {
			for {
				e, err := layer.Receive(r.ctx, ls[i%2], channel)
				if err != nil {
					r.Errorf("Receive %s: %v", where[i%2], err)
					return
				}
				msg, err := e.Message()
				if err != nil || number(msg) == last {
					return
				}
				mu.Lock()
				got = append(got, number(msg))
				mu.Unlock()
			}
		})
	}
	r.pause(beat)
	var want []int
	for i := range n {
		want = append(want, i)
		r.send(ls[i%2], channel, message(i))
	}
	for i := range len(ls) * receivers {
		r.send(ls[i%2], channel, message(last))
	}
	wg.Wait()
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		r.Errorf("received by all together (-want +got):\n%s", diff)
	}
}

// twoNamedInGroup joins in one process and sends in the other.
func twoNamedInGroup(r *run) {
	ls := r.both(Options{})
	if !r.named(ls[0]) {
		return
	}
	for i, from := range ls {
		channel, group := r.name("jobs"+where[i]), r.name("group"+where[i])
		if err := ls[1-i].GroupAdd(r.ctx, group, channel); err != nil {
			r.Fatalf("GroupAdd of a named channel: %v", err)
		}
		r.groupSend(from, group, message(1))
		if got := number(r.receiveNamed(ls[1-i], channel)); got != 1 {
			r.Errorf("sent %s: received message %d, want 1", where[i], got)
		}
	}
}

// twoNamedFull has each process send two messages where there is room for three.
func twoNamedFull(r *run) {
	ls := r.both(Options{Capacity: 3})
	if !r.named(ls[0]) {
		return
	}
	channel := r.name("queue")
	if n := r.fill(ls[0], channel, 2); n != 0 {
		r.Errorf("%d of 2 messages refused here with room for 3", n)
	}
	if err := ls[1].Send(r.ctx, channel, message(2)); err != nil {
		r.Errorf("Send there with room for one more: %v", err)
	}
	if err := ls[1].Send(r.ctx, channel, message(3)); !errors.Is(err, layer.ErrFull) {
		r.Errorf("Send there with no room left: %v, want ErrFull", err)
	}
}
