package layer_test

import (
	"fmt"
	"testing"

	"github.com/gochannels/channels/layer"
)

// What a Flush drops is counted as dropped, and the mailbox goes on.
func TestFlushedMailboxGoesOn(t *testing.T) {
	t.Parallel()
	counters := new(layer.Counters)
	box := layer.NewMailbox("c", &layer.MailboxOptions{Counters: counters})
	counters.Routed(3)
	deliver(t, box, "1", "2")
	box.DeliverGap(layer.Gap{Cause: "a test"})
	box.Flush()
	if g, ok := box.TakeGap(); ok || box.Pending() {
		t.Errorf("after Flush %d messages wait, and the gap %+v", box.Len(), g)
	}
	deliver(t, box, "3")
	checkDrain(t, box, "3")
	checkStats(t, counters.Stats(), layer.Stats{
		Routed: 3, Delivered: 1, Gaps: 1, Dropped: map[layer.DropReason]int64{layer.DropClosed: 2},
	})
}

func ExampleMailbox_Flush() {
	counters := new(layer.Counters)
	box := layer.NewMailbox("specific.mine!1", &layer.MailboxOptions{Counters: counters})
	e, err := layer.Encode(layer.Message{"type": "chat.message", "text": "hello"})
	if err != nil {
		panic(err)
	}
	counters.Routed(1)
	if err := box.Deliver(e); err != nil {
		panic(err)
	}
	box.Flush()
	fmt.Println(box.Len(), counters.Stats().Dropped[layer.DropClosed])
	// Output: 0 1
}
