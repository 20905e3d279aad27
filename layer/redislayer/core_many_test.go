package redislayer_test

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

// Many groups are joined, and joined again after an outage, in a few round trips.
func TestCoreManyGroups(t *testing.T) {
	t.Parallel()
	const groups, joiners = 20_000, 100
	s := redistest.Start(t)
	o := coreOptions(s)
	o.CallTimeout = soon // the machine may be busy
	l := coreReady(t, o)
	box := newChannel(t, l)
	begun := time.Now()
	var work sync.WaitGroup
	for j := range joiners {
		work.Go(func() {
			for i := j; i < groups; i += joiners {
				if err := l.GroupAdd(t.Context(), "g"+strconv.Itoa(i), box.Channel()); err != nil {
					t.Errorf("GroupAdd: %v", err)
					return
				}
			}
		})
	}
	work.Wait()
	t.Logf("joined in %v", time.Since(begun).Round(time.Millisecond))
	s.Kill()
	coreUp(t, l, false)
	s.Restart()
	begun = time.Now()
	coreUp(t, l, true)
	t.Logf("joined again %v after the restart", time.Since(begun).Round(time.Millisecond))
	gapOf(t, box)
	for _, i := range []int{0, groups / 2, groups - 1} {
		groupSend(t, l, "g"+strconv.Itoa(i), i)
		expect(t, box, i)
	}
	box.Close()
	begun = time.Now()
	until(t, 2*soon, "all groups are left", func() bool { return s.CLI("KEYS", o.Prefix+":group:*") == "" })
	t.Logf("left in %v", time.Since(begun).Round(time.Millisecond))
}

// Groups that are left while memberships are renewed are not lost, and no gap is told of when they are joined again.
func TestCoreLosesNothingToLeaving(t *testing.T) {
	t.Parallel()
	const groups, joiners = 600, 20
	s := redistest.Start(t)
	p := redistest.NewProxy(t, s.Addr())
	o := coreOptions(s)
	o.Hosts = []any{p.URL()}
	o.CallTimeout, o.GroupExpiry = soon, 3*time.Second // renewed twice a second
	l := coreReady(t, o)
	box := newChannel(t, l)
	p.Delay(10 * time.Millisecond)
	var work sync.WaitGroup
	begun := time.Now()
	for j := range joiners {
		work.Go(func() {
			for i := j; time.Since(begun) < 4*time.Second; i = (i + joiners) % groups {
				g := "g" + strconv.Itoa(i)
				_ = l.GroupDiscard(t.Context(), g, box.Channel())
				if err := l.GroupAdd(t.Context(), g, box.Channel()); err != nil {
					t.Errorf("GroupAdd: %v", err)
					return
				}
			}
		})
	}
	work.Wait()
	noGap(t, box)
}
