package layer_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/layer"
)

func TestOnReadyIsCalledAtEdges(t *testing.T) {
	t.Parallel()
	box := layer.NewMailbox("c", nil)
	calls := 0
	box.OnReady(func() { calls++ })
	steps := []struct {
		what string
		do   func()
		want int
	}{
		{"the first message", func() { deliver(t, box, "1") }, 1},
		{"a second message", func() { deliver(t, box, "2") }, 1},
		{"a gap beside messages", func() { box.DeliverGap(layer.Gap{}) }, 1},
		{"all taken", func() { drain(t, box); box.TakeGap() }, 1},
		{"a gap alone", func() { box.DeliverGap(layer.Gap{}) }, 2},
		{"a second gap", func() { box.DeliverGap(layer.Gap{}) }, 2},
		{"a message beside a gap", func() { deliver(t, box, "3") }, 2},
		{"all taken again", func() { drain(t, box); box.TakeGap() }, 2},
		{"a message", func() { deliver(t, box, "4") }, 3},
		{"taken back", func() { drain(t, box); box.OnReady(nil); deliver(t, box, "5") }, 3},
	}
	for _, step := range steps {
		step.do()
		if calls != step.want {
			t.Errorf("after %s: %d calls, want %d", step.what, calls, step.want)
		}
	}
}

// TestMessageBeforeOnReadyIsNotForgotten delivers before anybody listens.
func TestMessageBeforeOnReadyIsNotForgotten(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"message", "gap"} {
		box := layer.NewMailbox("c", nil)
		if what == "gap" {
			box.DeliverGap(layer.Gap{})
		} else {
			deliver(t, box, "1")
		}
		calls := 0
		box.OnReady(func() { calls++ })
		if calls != 1 || !box.Pending() {
			t.Errorf("a %s waits, and OnReady called %d times", what, calls)
		}
	}
}

// TestOnReadyNeverMissesAMessage has readers that take everything when told and sleep otherwise.
func TestOnReadyNeverMissesAMessage(t *testing.T) {
	t.Parallel()
	const senders, each = 4, 500
	box := layer.NewMailbox("c", &layer.MailboxOptions{Capacity: senders * each})
	told := make(chan struct{}, 1)
	var sending sync.WaitGroup
	for i := range senders {
		sending.Go(func() {
			for j := range each {
				deliver(t, box, fmt.Sprint(i, "/", j))
			}
		})
	}
	box.OnReady(func() {
		select {
		case told <- struct{}{}:
		default:
		}
	})
	next := make(map[byte]int)
	deadline := time.After(30 * time.Second)
	for n := 0; n < senders*each; {
		select {
		case <-told:
		case <-deadline:
			t.Fatalf("%d messages came, %d wait", n, box.Len())
		}
		for _, s := range drain(t, box) {
			n++
			if want := fmt.Sprintf("%c/%d", s[0], next[s[0]]); s != want {
				t.Errorf("got %s, want %s", s, want)
			}
			next[s[0]]++
		}
	}
	sending.Wait()
}

func TestDivertIsAskedWhileEmpty(t *testing.T) {
	t.Parallel()
	var c layer.Counters
	box := layer.NewMailbox("c", &layer.MailboxOptions{Counters: &c})
	c.Routed(5)
	var diverted []string
	take := true
	box.Divert(func(e layer.Envelope) bool {
		if take {
			diverted = append(diverted, textOf(t, e))
		}
		return take
	})
	ready := 0
	box.OnReady(func() { ready++ })
	deliver(t, box, "1")
	take = false
	deliver(t, box, "2")
	take = true
	deliver(t, box, "3") // behind 2, which waits
	checkDrain(t, box, "2", "3")
	box.DeliverGap(layer.Gap{})
	deliver(t, box, "4") // behind the gap
	box.TakeGap()
	checkDrain(t, box, "4")
	deliver(t, box, "5")
	if diff := cmp.Diff([]string{"1", "5"}, diverted); diff != "" {
		t.Errorf("diverted (-want +got):\n%s", diff)
	}
	if ready != 2 {
		t.Errorf("OnReady was called %d times, want 2", ready)
	}
	checkStats(t, c.Stats(), layer.Stats{Routed: 5, Delivered: 5, Gaps: 1})
}

// TestCloseFromWithinDivert closes members, and the neighbours of members, from inside a GroupSend.
func TestCloseFromWithinDivert(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	boxes := make([]*layer.Mailbox, 20)
	for i := range boxes {
		boxes[i] = newChannel(t, l)
		groupAdd(t, l, "g", boxes[i].Channel())
	}
	for i, box := range boxes {
		box.Divert(func(layer.Envelope) bool {
			box.Close()
			boxes[(i+7)%len(boxes)].Close()
			return i%2 == 0
		})
	}
	ended := make(chan error)
	go func() { ended <- l.GroupSend(t.Context(), "g", text("1")) }()
	select {
	case err := <-ended:
		checkErr(t, "GroupSend", err, nil)
	case <-time.After(10 * time.Second):
		t.Fatal("GroupSend hangs")
	}
	s := l.Stats()
	checkConservation(t, s)
	if s.Routed != 20 || s.Pending != 0 || s.Channels != 0 || s.Memberships != 0 {
		t.Errorf("stats: %+v", s)
	}
}

// TestCloseFromWithinOnReady does the same where messages are queued.
func TestCloseFromWithinOnReady(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	box := newChannel(t, l)
	groupAdd(t, l, "g", box.Channel())
	box.OnReady(box.Close)
	groupSend(t, l, "g", "1", "2")
	checkStats(t, l.Stats(), layer.Stats{GroupSent: 2, Routed: 1, Dropped: map[layer.DropReason]int64{layer.DropClosed: 1}})
}

func TestGapsAreCoalesced(t *testing.T) {
	t.Parallel()
	box := layer.NewMailbox("c", &layer.MailboxOptions{Capacity: 1})
	deliver(t, box, "1") // a gap needs no room
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	groups := []string{"b", "a"}
	box.DeliverGap(layer.Gap{Cause: "first", Since: at, Groups: groups})
	box.DeliverGap(layer.Gap{Cause: "second", Since: at.Add(-time.Minute), Groups: []string{"b", "c"}})
	box.DeliverGap(layer.Gap{Cause: "third", Since: at.Add(time.Minute), Groups: []string{"d"}})
	if n := box.Len(); n != 1 {
		t.Errorf("Len() = %d, want 1", n)
	}
	got, ok := box.TakeGap()
	want := layer.Gap{Cause: "first", Since: at.Add(-time.Minute), Groups: []string{"a", "b", "c", "d"}}
	if diff := cmp.Diff(want, got); !ok || diff != "" {
		t.Errorf("gap, %v (-want +got):\n%s", ok, diff)
	}
	if diff := cmp.Diff([]string{"b", "a"}, groups); diff != "" {
		t.Errorf("the deliverer's slice changed (-want +got):\n%s", diff)
	}
	if _, ok := box.TakeGap(); ok {
		t.Error("the gap is there twice")
	}
	box.DeliverGap(layer.Gap{Groups: []string{"a"}})
	box.DeliverGap(layer.Gap{}) // of any group
	if got, _ := box.TakeGap(); len(got.Groups) != 0 {
		t.Errorf("a gap in any group and one in a are one in %v", got.Groups)
	}
}

func TestDivertMayRunConcurrently(t *testing.T) {
	t.Parallel()
	var c layer.Counters
	box := layer.NewMailbox("c", &layer.MailboxOptions{Counters: &c})
	var taken atomic.Int64
	box.Divert(func(layer.Envelope) bool { return taken.Add(1)%3 != 0 })
	e := encode(t, text("x"))
	var wg sync.WaitGroup
	c.Routed(4 * 250)
	for range 4 {
		wg.Go(func() {
			for range 250 {
				if err := box.Deliver(e); err != nil {
					t.Error(err)
				}
				box.TryReceive()
			}
		})
	}
	wg.Wait()
	drain(t, box)
	checkStats(t, c.Stats(), layer.Stats{Routed: 1000, Delivered: 1000})
}
