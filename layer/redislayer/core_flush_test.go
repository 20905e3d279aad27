package redislayer_test

import (
	"testing"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

// What a Flush forgets is dropped, not delivered.
func TestCoreFlushCounts(t *testing.T) {
	t.Parallel()
	const n = 10
	l := coreReady(t, coreOptions(redistest.Start(t)))
	boxes := []*layer.Mailbox{newChannel(t, l, "g"), newChannel(t, l, "g")}
	for i := range n {
		groupSend(t, l, "g", i)
	}
	expect(t, boxes[0], 0)
	until(t, soon, "the messages are here", func() bool { return boxes[0].Len() == n-1 && boxes[1].Len() == n })
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := l.Stats()
	if s.Routed != 2*n || s.Delivered != 1 || s.Dropped[layer.DropClosed] != 2*n-1 || s.Pending != 0 {
		t.Errorf("of %d copies, one of which was received: %+v", 2*n, s)
	}
	for _, box := range boxes {
		if box.Len() != 0 {
			t.Errorf("%d messages are left", box.Len())
		}
	}
}
