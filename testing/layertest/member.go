package layertest

import (
	"errors"
	"slices"
	"strconv"
	"sync"

	"github.com/gochannels/channels/layer"
)

var memberCases = []Case{
	{
		Name:    "group-add-waits",
		Promise: "A group's message sent after GroupAdd has returned arrives, even if others join at the same time.",
		Limit:   usual,
		run:     groupAddWaits,
	},
	{
		Name:    "group-add-unknown",
		Promise: "Joining with a channel that has ended, or was never opened here, is ErrUnknownChannel.",
		Limit:   usual,
		run:     groupAddUnknown,
	},
	{
		Name:    "no-ghosts",
		Promise: "A channel that ends is in no group afterwards, even if it was joining one, and empty groups are forgotten.",
		Limit:   usual,
		run:     noGhosts,
	},
}

// groupAddWaits has eight channels join the same new group at once; each sends to
// it right away and must find its own message.
func groupAddWaits(r *run) {
	const rounds, joiners = 5, 8
	l := r.open(Options{})
	for round := range rounds {
		ms, group := r.channels(l, joiners), r.name("group"+strconv.Itoa(round))
		var wg sync.WaitGroup
		for i, m := range ms {
			wg.Go(func() {
				if err := l.GroupAdd(r.ctx, group, m.Channel()); err != nil {
					r.Errorf("GroupAdd: %v", err)
				}
				if err := l.GroupSend(r.ctx, group, message(i)); err != nil {
					r.Errorf("GroupSend: %v", err)
				}
			})
		}
		wg.Wait()
		for i, got := range r.numbers(l, ms...) {
			if !slices.Contains(got, i) {
				r.Errorf("round %d: message %d did not come back to its sender, which received %v", round, i, got)
			}
		}
	}
}

// groupAddUnknown joins with a closed mailbox and with another layer's.
func groupAddUnknown(r *run) {
	l, another := r.open(Options{}), r.open(Options{})
	closed, stranger, group := r.channel(l), r.channel(another), r.name("group")
	closed.Close()
	for what, m := range map[string]*layer.Mailbox{"a closed channel": closed, "another layer's channel": stranger} {
		if err := l.GroupAdd(r.ctx, group, m.Channel()); !errors.Is(err, layer.ErrUnknownChannel) {
			r.Errorf("GroupAdd of %s: %v, want ErrUnknownChannel", what, err)
		}
	}
}

// noGhosts has channels join and leave while they end and while others send, then
// looks for what is left of them in the counters.
func noGhosts(r *run) {
	const workers, rounds = 8, 12
	l := r.open(Options{})
	groups := []string{r.name("g0"), r.name("g1"), r.name("g2")}
	check := func(what string, err error) {
		if err != nil && !errors.Is(err, layer.ErrUnknownChannel) {
			r.Errorf("%s: %v", what, err)
		}
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range rounds {
				m, err := l.NewChannel(r.ctx)
				if err != nil {
					r.Errorf("NewChannel: %v", err)
					return
				}
				var ends sync.WaitGroup
				check("GroupAdd", l.GroupAdd(r.ctx, groups[0], m.Channel()))
				check("GroupAdd", l.GroupAdd(r.ctx, groups[1], m.Channel()))
				if (w+i)%3 == 0 { // one in three leaves a group itself
					check("GroupDiscard", l.GroupDiscard(r.ctx, groups[1], m.Channel()))
				}
				ends.Go(m.Close)
				check("GroupAdd", l.GroupAdd(r.ctx, groups[2], m.Channel()))
				check("GroupSend", l.GroupSend(r.ctx, groups[i%3], message(i)))
				ends.Wait()
			}
		})
	}
	wg.Wait()
	stay := r.channel(l)
	r.join(l, groups[0], stay)
	r.leave(l, groups[0], stay)
	r.settled(l, "one channel, no group and no membership", func(s layer.Stats) bool {
		return s.Channels == 1 && s.Groups == 0 && s.Memberships == 0
	})
}
