package interop_test

import (
	"context"
	"testing"

	"github.com/gochannels/channels/layer/redislayer"
)

// TestGroupOfBoth has processes of Python and of Go in one group. All of them send, Python also from a thread with
// async_to_sync; each member gets each message once.
func TestGroupOfBoth(t *testing.T) {
	t.Parallel()
	for _, k := range kinds {
		for _, s := range settings {
			for _, version := range versions {
				if !s.speaks(k, version) {
					continue
				}
				t.Run(k.name+"/"+s.name+"/"+version, func(t *testing.T) {
					t.Parallel()
					testGroupOfBoth(t, newSite(t, k, s), version)
				})
			}
		}
	}
}

func testGroupOfBoth(t *testing.T, e *site, version string) {
	group := e.kind.group
	py := e.python(t, sharedPeer(t, version))
	go1, go2 := e.layer(t), e.layer(t)
	members := []*member{
		joinGo(t, go1, group), joinGo(t, go1, group), joinGo(t, go2, group, "another"),
		py.join(t, group), py.join(t, group, "another"),
	}
	strangers := []*member{joinGo(t, go1, "another"), joinGo(t, go2), py.join(t, "another"), py.join(t)}

	together(
		t,
		func(ctx context.Context) error { return burst(ctx, go1, group, "go1", 20) },
		func(ctx context.Context) error { return burst(ctx, go2, group, "go2", 20) },
		func(ctx context.Context) error {
			_, err := py.do(ctx, "burst", args{"layer": py.name, "group": group, "sender": "python", "count": 20})
			return err
		},
		func(ctx context.Context) error {
			_, err := py.do(ctx, "thread_burst", args{"layer": py.name, "group": group, "sender": "thread", "count": 5})
			return err
		},
	)
	for _, m := range members {
		eachOnce(t, m, map[string]int{"go1": 20, "go2": 20, "python": 20, "thread": 5})
	}
	settle(t, append(members, strangers...)...)

	// Two leave.
	left := []*member{members[0], members[3]}
	if err := go1.GroupDiscard(t.Context(), group, left[0].channel); err != nil {
		t.Fatal(err)
	}
	py.ask(t, "group_discard", args{"group": group, "channel": left[1].channel})
	left[0].name += ", which has left,"
	stay := []*member{members[1], members[2], members[4]}
	if err := burst(t.Context(), go2, group, "go2", 3); err != nil {
		t.Fatal(err)
	}
	py.ask(t, "burst", args{"group": group, "sender": "python", "count": 3})
	for _, m := range stay {
		eachOnce(t, m, map[string]int{"go2": 3, "python": 3})
	}
	settle(t, append(append(left, stay...), strangers...)...)

	// The last of Go leave, and one comes back.
	for _, m := range []*member{members[1], members[2]} {
		m.mailbox.Close()
	}
	back := joinGo(t, go2, group)
	py.ask(t, "burst", args{"group": group, "sender": "again", "count": 2})
	eachOnce(t, back, map[string]int{"again": 2})
	eachOnce(t, members[4], map[string]int{"again": 2})
	settle(t, back, members[4])
}

// TestVersionsInOneGroup has processes of all versions and one of Go in a group, as while a fleet is upgraded.
func TestVersionsInOneGroup(t *testing.T) {
	t.Parallel()
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			e := newSite(t, k, usual)
			l := e.layer(t)
			members := []*member{joinGo(t, l, k.group)}
			senders := map[string]int{"go": 10}
			bursts := []func(context.Context) error{func(ctx context.Context) error { return burst(ctx, l, k.group, "go", 10) }}
			for _, version := range versions {
				py := e.python(t, sharedPeer(t, version))
				members = append(members, py.join(t, k.group))
				senders[version] = 10
				bursts = append(bursts, func(ctx context.Context) error {
					_, err := py.do(ctx, "burst", args{"layer": py.name, "group": k.group, "sender": version, "count": 10})
					return err
				})
			}
			together(t, bursts...)
			for _, m := range members {
				eachOnce(t, m, senders)
			}
			settle(t, members...)
		})
	}
}

// TestBursts has a process of each version send 300 messages as fast as it can to a group that only Go is in. Python
// counts 100 to a key on core, and drops in silence what is beyond; none may be lost.
func TestBursts(t *testing.T) {
	t.Parallel()
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			e := newSite(t, k, usual)
			l := e.layerWith(t, redislayer.Options{Capacity: 5000})
			members := []*member{joinGo(t, l, k.group), joinGo(t, l, k.group)}
			senders := map[string]int{}
			var bursts []func(context.Context) error
			for _, version := range versions {
				py := e.python(t, sharedPeer(t, version))
				senders[version] = 300
				bursts = append(bursts, func(ctx context.Context) error {
					_, err := py.do(ctx, "burst", args{"layer": py.name, "group": k.group, "sender": version, "count": 300})
					return err
				})
			}
			together(t, bursts...)
			for _, m := range members {
				eachOnce(t, m, senders)
			}
		})
	}
}
