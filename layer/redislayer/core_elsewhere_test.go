package redislayer_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

// A name or a balancer leads new connections to another server, and the connection by which calls go is made again: the layer
// does not go on to hear the first server while it sends to the second.
func TestCoreIsOnOneServer(t *testing.T) {
	t.Parallel()
	one, two := redistest.Start(t), redistest.Start(t)
	p := redistest.NewProxy(t, one.Addr())
	o := coreOptions()
	o.Hosts, o.ProbeInterval = []any{p.URL()}, time.Second
	l := coreReady(t, o)
	box := newChannel(t, l, "g")
	groupSend(t, l, "g", 1)
	expect(t, box, 1)
	p.Redirect(two.Addr())
	moved := time.Now()
	for line := range strings.Lines(one.CLI("CLIENT", "LIST")) {
		if id, _, _ := strings.Cut(line, " "); !strings.Contains(line, "cmd=bzpopmin") && !strings.Contains(line, "cmd=client") {
			one.CLI("CLIENT", "KILL", "ID", strings.TrimPrefix(id, "id="))
		}
	}
	until(t, 3*soon, "messages arrive", func() bool {
		_ = l.GroupSend(t.Context(), "g", message(2))
		return box.Len() > 0
	})
	if gap := gapOf(t, box); gap.Since.After(moved) {
		t.Errorf("the gap is since %v after what was missed", gap.Since.Sub(moved))
	}
}

// After a FLUSHALL the server still is the one.
func TestCoreStaysAfterAFlush(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	o := coreOptions(s)
	o.ProbeInterval = 100 * time.Millisecond // ten in the wait of a take
	l := coreReady(t, o)
	newChannel(t, l, "g")
	for range 3 {
		s.CLI("FLUSHALL")
		begun := time.Now()
		until(t, soon, "a take and some probes have been answered", func() bool { return time.Since(begun) > 1500*time.Millisecond })
	}
	if n := metric(t, l, "reconnects_total"); n != 0 {
		t.Errorf("connected again %d times", n)
	}
}
