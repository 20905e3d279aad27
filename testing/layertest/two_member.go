package layertest

import (
	"errors"
	"slices"
	"sync"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/layer"
)

var twoMemberCases = []Case{
	{
		Name:    "names-unique",
		Promise: "No two channels of two processes have one name.",
		Limit:   usual,
		run:     twoNamesUnique,
	},
	{
		Name:    "group-add-unknown",
		Promise: "Joining with a channel of another process is ErrUnknownChannel.",
		Limit:   usual,
		run:     twoGroupAddUnknown,
	},
	{
		Name:    "no-ghosts",
		Promise: "Channels that end while another process sends to their groups leave nothing behind in either process, and the groups go on.",
		Limit:   usual,
		run:     twoNoGhosts,
	},
}

// twoNamesUnique opens channels in both processes, alternately.
func twoNamesUnique(r *run) {
	const each = 30
	ls := r.both(Options{})
	seen := make(map[string]bool)
	for range each {
		for _, l := range ls {
			m := r.channel(l)
			if seen[m.Channel()] {
				r.Errorf("two channels are named %q", m.Channel())
			}
			seen[m.Channel()] = true
		}
	}
}

// twoGroupAddUnknown joins with the other process' open channel.
func twoGroupAddUnknown(r *run) {
	ls := r.both(Options{})
	for i, l := range ls {
		stranger := r.channel(ls[1-i])
		if err := l.GroupAdd(r.ctx, r.name("group"), stranger.Channel()); !errors.Is(err, layer.ErrUnknownChannel) {
			r.Errorf("GroupAdd %s: %v, want ErrUnknownChannel", where[i], err)
		}
	}
}

// twoNoGhosts has channels join and leave in both processes while they end and while the other sends, looks for what is
// left of them in the counters, and uses their groups once more.
func twoNoGhosts(r *run) {
	const workers, rounds = 3, 6
	ls := r.both(Options{})
	groups := []string{r.name("g0"), r.name("g1")}
	check := func(what string, err error) {
		if err != nil && !errors.Is(err, layer.ErrUnknownChannel) {
			r.Errorf("%s: %v", what, err)
		}
	}
	var wg sync.WaitGroup
	for w := range 2 * workers {
		l, other := ls[w%2], ls[1-w%2]
		wg.Go(func() {
			for i := range rounds {
				m, err := l.NewChannel(r.ctx)
				if err != nil {
					r.Errorf("NewChannel: %v", err)
					return
				}
				check("GroupAdd", l.GroupAdd(r.ctx, groups[0], m.Channel()))
				if i%3 == 0 {
					check("GroupDiscard", l.GroupDiscard(r.ctx, groups[0], m.Channel()))
				}
				var ends sync.WaitGroup
				ends.Go(m.Close)
				check("GroupAdd", l.GroupAdd(r.ctx, groups[1], m.Channel()))
				check("GroupSend", other.GroupSend(r.ctx, groups[i%2], message(i)))
				ends.Wait()
			}
		})
	}
	wg.Wait()
	for _, l := range ls {
		r.settled(l, "no channel, no group and no membership", func(s layer.Stats) bool {
			return s.Channels == 0 && s.Groups == 0 && s.Memberships == 0
		})
	}
	var ms []*layer.Mailbox
	for _, l := range ls {
		m := r.channel(l)
		r.join(l, groups[0], m)
		ms = append(ms, m)
	}
	r.groupSend(ls[0], groups[0], message(rounds))
	for i, got := range r.drainGroup(ls[:], groups[0], ms...) {
		// What was sent before may come late, and to who has joined meanwhile.
		late := func(n int) bool { return n >= 0 && n < rounds }
		if diff := cmp.Diff([]int{rounds}, slices.DeleteFunc(sorted(got), late)); diff != "" {
			r.Errorf("received %s afterwards (-want +got):\n%s", where[i], diff)
		}
	}
}
