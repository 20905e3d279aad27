package outage_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

// TestStorm is fault F16: ten times what mailboxes hold is sent while the consumers are busy. Each copy is heard by a client
// or counted as dropped; the clients count for themselves.
func TestStorm(t *testing.T) {
	t.Parallel()
	for kind := range kinds {
		t.Run(kind, func(t *testing.T) { storm(t, kind) })
	}
}

func storm(t *testing.T, kind string) {
	const capacity, sent, busy = 50, 500, 2
	server := redistest.Start(t)
	s := newSite(t, kind, redislayer.Options{Hosts: []any{server.URL()}, Capacity: capacity})
	all := s.connect(t, clients, false)
	send := func(msg consumer.Message) {
		if err := s.layer.GroupSend(t.Context(), "all", msg); err != nil {
			t.Fatal(err)
		}
	}
	for range busy { // one is handled, one waits: then it is known that the first is
		send(consumer.Message{"type": "stall"})
	}
	stats := s.layer.(interface{ Stats() layer.Stats }).Stats
	until(t, "all consumers are busy", func() bool { return stats().Delivered >= clients })
	for n := range sent {
		send(consumer.Message{"type": "said", "id": fmt.Sprint(n)})
	}
	until(t, "all have been routed", func() bool { return stats().Routed == (busy+sent)*clients })
	close(s.gate)
	until(t, "nothing is under way", func() bool { return stats().Pending == 0 })
	after := stats()
	heard := int64(0)
	until(t, "what was delivered is heard", func() bool {
		heard = 0
		for _, c := range all {
			heard += int64(c.count())
		}
		return heard >= after.Delivered-busy*clients
	})
	dropped := int64(0)
	for _, n := range after.Dropped {
		dropped += n
	}
	got := map[string]int64{"heard": heard, "delivered": after.Delivered, "dropped": dropped, "expired": after.Expired}
	full := after.Dropped[layer.DropFull]
	want := map[string]int64{"heard": (busy+sent)*clients - full - busy*clients, "delivered": (busy+sent)*clients - full, "dropped": full, "expired": 0}
	if diff := cmp.Diff(want, got); diff != "" || full < (sent-capacity-16-busy)*clients {
		t.Errorf("%d dropped as mailboxes were full (-want +got):\n%s", full, diff)
	}
}
