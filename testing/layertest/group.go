package layertest

import (
	"strings"

	"github.com/google/go-cmp/cmp"
)

var groupCases = []Case{
	{
		Name:    "group",
		Promise: "A group's message reaches every member, however many there are, and nobody else.",
		Limit:   usual,
		run:     group,
	},
	{
		Name:    "group-exact",
		Promise: "A group is its exact name, not one that resembles it.",
		Limit:   usual,
		run:     groupExact,
	},
	{
		Name:    "group-nobody",
		Promise: "Sending to a group that has no member is no error.",
		Limit:   usual,
		run:     groupNobody,
	},
	{
		Name:    "group-discard",
		Promise: "Who has left a group gets none of the messages sent to it from then on; the others get them all.",
		Limit:   usual,
		run:     groupDiscard,
	},
	{
		Name:    "group-discard-one",
		Promise: "Leaving one group ends no other membership.",
		Limit:   usual,
		run:     groupDiscardOne,
	},
	{
		Name:    "group-discard-stranger",
		Promise: "Leaving a group one is not in is no error.",
		Limit:   usual,
		run:     groupDiscardStranger,
	},
	{
		Name:    "group-add-twice",
		Promise: "Joining a group again changes nothing: each message comes once, and leaving once is leaving.",
		Limit:   usual,
		run:     groupAddTwice,
	},
	{
		Name:    "gap-in-peace",
		Promise: "A layer that has lost nothing reports no gap.",
		Limit:   usual,
		run:     gapInPeace,
	},
}

// group has 140 members, all with names of one prefix, and one channel outside.
func group(r *run) {
	const size = 140
	l := r.open(Options{})
	ms, group := r.channels(l, size+1), r.name("group")
	r.join(l, group, ms[:size]...)
	r.groupSend(l, group, message(1))
	for i, got := range r.numbers(l, ms...) {
		want := []int{1}
		if i == size {
			want = nil
		}
		if diff := cmp.Diff(want, got); diff != "" {
			r.Fatalf("received by channel %d of %d members (-want +got):\n%s", i, size, diff)
		}
	}
}

// groupExact sends to groups whose names differ in case, or by one being the
// other's beginning or end.
func groupExact(r *run) {
	l := r.open(Options{})
	name := r.name("room")
	groups := []string{name, strings.ToUpper(name), name + ".1", name + ".", "." + name, name[:len(name)-1], strings.ReplaceAll(name, ".", "_")}
	ms := r.channels(l, len(groups))
	var want [][]int
	for i, g := range groups {
		r.join(l, g, ms[i])
		want = append(want, []int{i})
	}
	for i, g := range groups {
		r.groupSend(l, g, message(i))
	}
	if diff := cmp.Diff(want, r.numbers(l, ms...)); diff != "" {
		r.Errorf("received by the members of %q (-want +got):\n%s", groups, diff)
	}
}

// groupNobody sends to a group that never was.
func groupNobody(r *run) {
	l := r.open(Options{})
	if err := l.GroupSend(r.ctx, r.name("nobody"), message(1)); err != nil {
		r.Errorf("GroupSend: %v", err)
	}
}

// groupDiscard has one of three members leave between two messages.
func groupDiscard(r *run) {
	l := r.open(Options{})
	ms, group := r.channels(l, 3), r.name("group")
	r.join(l, group, ms...)
	r.groupSend(l, group, message(1))
	r.leave(l, group, ms[1])
	r.groupSend(l, group, message(2))
	want := [][]int{{1, 2}, {1}, {1, 2}}
	if diff := cmp.Diff(want, r.numbers(l, ms...)); diff != "" {
		r.Errorf("received by each (-want +got):\n%s", diff)
	}
}

// groupDiscardOne has a member of two groups leave one.
func groupDiscardOne(r *run) {
	l := r.open(Options{})
	m, stay, leave := r.channel(l), r.name("stay"), r.name("leave")
	r.join(l, stay, m)
	r.join(l, leave, m)
	r.leave(l, leave, m)
	r.groupSend(l, stay, message(1))
	if diff := cmp.Diff([]int{1}, r.numbers(l, m)[0]); diff != "" {
		r.Errorf("received from the other group (-want +got):\n%s", diff)
	}
}

// groupDiscardStranger leaves a group before anybody joined it, then as one who
// is not in it, then a second time.
func groupDiscardStranger(r *run) {
	l := r.open(Options{})
	ms, group := r.channels(l, 2), r.name("group")
	for _, step := range []string{"a group that never was", "another's group", "a group it has left"} {
		if err := l.GroupDiscard(r.ctx, group, ms[0].Channel()); err != nil {
			r.Errorf("GroupDiscard of %s: %v", step, err)
		}
		r.join(l, group, ms[1])
	}
}

// groupAddTwice joins three times and leaves once.
func groupAddTwice(r *run) {
	l := r.open(Options{})
	m, group := r.channel(l), r.name("group")
	r.join(l, group, m, m, m)
	r.groupSend(l, group, message(1))
	if diff := cmp.Diff([]int{1}, r.numbers(l, m)[0]); diff != "" {
		r.Errorf("received as a member (-want +got):\n%s", diff)
	}
	r.leave(l, group, m)
	// The first message after leaving is group-discard's.
	r.groupSendNobody(l, group, message(2))
	r.numbers(l, m)
	r.groupSendNobody(l, group, message(3))
	if got := r.numbers(l, m)[0]; len(got) != 0 {
		r.Errorf("received %v after leaving once", got)
	}
}

// gapInPeace joins, sends, receives and leaves.
func gapInPeace(r *run) {
	l := r.open(Options{})
	ms, group := r.channels(l, 3), r.name("group")
	r.join(l, group, ms...)
	r.groupSend(l, group, message(1))
	r.numbers(l, ms...)
	r.leave(l, group, ms[0])
	r.groupSend(l, group, message(2))
	r.numbers(l, ms...)
	for i, m := range ms {
		if g, ok := m.TakeGap(); ok {
			r.Errorf("channel %d was told of a gap: %+v", i, g)
		}
	}
}
