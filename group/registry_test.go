package group_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/group"
)

func add[M any](t *testing.T, r *group.Registry[M], m *group.Member[M], groups ...string) {
	t.Helper()
	for _, g := range groups {
		if err := r.Add(t.Context(), g, m); err != nil {
			t.Fatalf("Add(%q): %v", g, err)
		}
	}
}

func members[M interface{ ~string | ~int }](r *group.Registry[M], name string) []M {
	return slices.Sorted(slices.Values(r.Members(name)))
}

func checkLen[M any](t *testing.T, r *group.Registry[M], groups, memberships int) {
	t.Helper()
	g, m := r.Len()
	if diff := cmp.Diff([2]int{groups, memberships}, [2]int{g, m}); diff != "" {
		t.Errorf("groups and memberships (-want +got):\n%s", diff)
	}
}

func TestMembersAreWhoWasAdded(t *testing.T) {
	t.Parallel()
	var r group.Registry[string]
	a, b, c := r.NewMember("a"), r.NewMember("b"), r.NewMember("c")
	add(t, &r, a, "one", "two")
	add(t, &r, b, "one")
	add(t, &r, c, "one")
	if !r.Discard("one", b) {
		t.Error("Discard of a member reports false")
	}
	if diff := cmp.Diff([]string{"a", "c"}, members(&r, "one")); diff != "" {
		t.Errorf("members of one (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a"}, members(&r, "two")); diff != "" {
		t.Errorf("members of two (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"one", "two"}, r.Groups()); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"one", "two"}, a.Groups()); diff != "" {
		t.Errorf("groups of a (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff("a", a.Value()); diff != "" {
		t.Errorf("value (-want +got):\n%s", diff)
	}
	checkLen(t, &r, 2, 3)
}

func TestAddTwiceIsOneMembership(t *testing.T) {
	t.Parallel()
	var r group.Registry[int]
	m := r.NewMember(1)
	add(t, &r, m, "g", "g")
	checkLen(t, &r, 1, 1)
	if !r.Discard("g", m) || r.Discard("g", m) {
		t.Error("Discard reports membership wrongly")
	}
	checkLen(t, &r, 0, 0)
}

func TestDiscardBeforeAddIsFalse(t *testing.T) {
	t.Parallel()
	var r group.Registry[int]
	if r.Discard("g", r.NewMember(1)) {
		t.Error("Discard of a stranger reports true")
	}
	if got := r.Members("g"); got != nil {
		t.Errorf("an unknown group has members: %v", got)
	}
}

func TestCloseLeavesAllGroups(t *testing.T) {
	t.Parallel()
	var r group.Registry[int]
	m, other := r.NewMember(1), r.NewMember(2)
	for i := range 40 { // enough for the member's index
		add(t, &r, m, fmt.Sprint("g", i))
	}
	add(t, &r, other, "g0")
	if !r.Discard("g7", m) || r.Discard("g7", m) {
		t.Error("Discard reports membership wrongly")
	}
	checkLen(t, &r, 39, 40)
	m.Close()
	m.Close()
	checkLen(t, &r, 1, 1)
	if err := r.Add(t.Context(), "g", m); !errors.Is(err, group.ErrMemberClosed) {
		t.Errorf("Add after Close: %v", err)
	}
	if got := m.Groups(); len(got) != 0 {
		t.Errorf("a closed member is in %v", got)
	}
}

func TestSnapshotDoesNotChange(t *testing.T) {
	t.Parallel()
	var r group.Registry[int]
	all := make([]*group.Member[int], 100)
	for i := range all {
		all[i] = r.NewMember(i)
		add(t, &r, all[i], "g")
	}
	snapshot := r.Members("g")
	want := slices.Clone(snapshot)
	for i := range 50 {
		r.Discard("g", all[2*i])
	}
	for i := range 50 {
		add(t, &r, r.NewMember(1000+i), "g")
	}
	if diff := cmp.Diff(want, snapshot); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := len(r.Members("g")); got != 100 {
		t.Errorf("%d members, want 100", got)
	}
}

// TestAddRacingCloseLeavesNoGhost guards against an Add that finds its member open and puts it in after the Close.
func TestAddRacingCloseLeavesNoGhost(t *testing.T) {
	t.Parallel()
	for _, changed := range []func(context.Context, string, bool) error{
		nil,
		func(context.Context, string, bool) error { return nil },
	} {
		r := &group.Registry[int]{Changed: changed}
		for i := range 500 {
			m := r.NewMember(i)
			var wg sync.WaitGroup
			for j := range 4 {
				wg.Go(func() {
					err := r.Add(context.Background(), fmt.Sprint("g", j%2), m)
					if err != nil && !errors.Is(err, group.ErrMemberClosed) {
						t.Errorf("Add: %v", err)
					}
				})
			}
			wg.Go(m.Close)
			wg.Wait()
		}
		if err := r.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		checkLen(t, r, 0, 0)
	}
}

func TestConcurrentUseKeepsTheIndexWhole(t *testing.T) {
	t.Parallel()
	var r group.Registry[int]
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for round := range 100 {
				m := r.NewMember(i)
				for j := range 5 {
					if err := r.Add(context.Background(), fmt.Sprint("g", (i+j)%6), m); err != nil {
						t.Error(err)
					}
				}
				for _, v := range r.Members("g3") {
					if v < 0 || v >= 8 {
						t.Errorf("no such member: %d", v)
					}
				}
				r.Discard(fmt.Sprint("g", round%6), m)
				m.Close()
			}
		})
	}
	wg.Wait()
	checkLen(t, &r, 0, 0)
	if got := r.Groups(); len(got) != 0 {
		t.Errorf("groups are left: %v", got)
	}
}

// TestNothingIsLeft measures the heap before and after many members came and went.
func TestNothingIsLeft(t *testing.T) { // not parallel: it measures the heap
	var r group.Registry[int]
	cycle := func(n int) {
		all := make([]*group.Member[int], n)
		for i := range all {
			all[i] = r.NewMember(i)
			add(t, &r, all[i], "all", fmt.Sprint("own", i))
		}
		for _, m := range all {
			m.Close()
		}
	}
	cycle(100)
	before := heap()
	cycle(20_000)
	if after := heap(); after > before+64<<10 {
		t.Errorf("the heap grew from %d to %d bytes", before, after)
	}
	runtime.KeepAlive(&r)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

func ExampleRegistry() {
	var rooms group.Registry[string]
	ada, bob := rooms.NewMember("Ada"), rooms.NewMember("Bob")
	_ = rooms.Add(context.Background(), "chess", ada)
	_ = rooms.Add(context.Background(), "chess", bob)
	_ = rooms.Add(context.Background(), "go", bob)
	bob.Close()
	fmt.Println(rooms.Members("chess"), rooms.Groups())
	// Output: [Ada] [chess]
}

func BenchmarkMembers(b *testing.B) {
	var r group.Registry[int]
	for i := range 10_000 {
		if err := r.Add(b.Context(), "g", r.NewMember(i)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		r.Members("g")
	}
}

func BenchmarkAddClose(b *testing.B) {
	var r group.Registry[int]
	if err := r.Add(b.Context(), "g", r.NewMember(0)); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		m := r.NewMember(1)
		if err := r.Add(b.Context(), "g", m); err != nil {
			b.Fatal(err)
		}
		m.Close()
	}
}
