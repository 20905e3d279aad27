package redislayer_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
	"github.com/gochannels/channels/testing/layertest"
)

// However many members a group has in a process, the group has one for it.
func TestCoreIsOneMemberAProcess(t *testing.T) {
	t.Parallel()
	const n, members = 20, 5
	s := redistest.Start(t)
	o := coreOptions(s)
	l := coreReady(t, o)
	there := layertest.StartProcess(t).Open(t, opening{Options: *o}.config(t), layertest.Options{})
	boxes := []*layer.Mailbox{newChannel(t, l, "g")}
	for range members {
		boxes = append(boxes, newChannel(t, there, "g"))
	}
	if got := groupMembers(s, o, "g"); len(got) != 2 {
		t.Errorf("two processes are in the group by %q", got)
	}
	for i := range n {
		groupSend(t, []layer.ChannelLayer{l, there}[i%2], "g", i)
		for _, box := range boxes {
			expect(t, box, i)
		}
	}
	if err := there.Close(); err != nil {
		t.Error(err)
	}
	until(t, soon, "the other process has left", func() bool { return len(groupMembers(s, o, "g")) == 1 })
}

// After kill -9, nothing is written for a process within 30 s: the group is gone if it was alone, and another Go process takes
// it out. If there is none, Python does beside members of its own, later, by the score.
func TestCoreEndsWithItsProcess(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	alone, shared, mixed := coreOptions(s), coreOptions(s), coreOptions(s)
	l := coreReady(t, shared)
	newChannel(t, l, "g")
	pythonAdds(s, mixed, "g", pythonMember)
	process := layertest.StartProcess(t)
	for _, o := range []*redislayer.Options{alone, shared, mixed} {
		newChannel(t, process.Open(t, opening{Options: *o}.config(t), layertest.Options{}), "g")
	}
	killed := time.Now()
	process.Kill()
	for _, m := range groupMembers(s, mixed, "g") {
		if m == pythonMember {
			continue
		}
		var at float64
		_, _ = fmt.Sscan(s.CLI("ZSCORE", mixed.Prefix+":group:g", m), &at)
		if left := at - (float64(time.Now().Unix()) - 86400); left < 90 || left > 101 {
			t.Errorf("Python removes the member in %.1f s by its own clock, want 90 to 100: its clock may be wrong by 90", left)
		}
	}
	until(t, 30*time.Second-time.Since(killed), "the dead are out of their groups", func() bool {
		return len(groupMembers(s, alone, "g")) == 0 && len(groupMembers(s, shared, "g")) == 1
	})
	t.Logf("%.1f s after the kill", time.Since(killed).Seconds())
	coreReady(t, mixed)
	until(t, soon, "the next Go process has taken it out", func() bool {
		got := groupMembers(s, mixed, "g")
		return len(got) == 1 && got[0] == pythonMember
	})
}
