package redislayer_test

import (
	"errors"
	"testing"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

// Messages for a named channel go to one server after the other, and only those fail whose server is away, as in Python.
func TestCoreSendsToNamedChannelsWithAServerAway(t *testing.T) {
	t.Parallel()
	const n = 10
	a, b := redistest.Start(t), redistest.Start(t)
	o := coreOptions(a, b)
	l := coreReady(t, o)
	b.Kill()
	until(t, soon, "one is away", func() bool { return metric(t, l, "servers_up") == 1 })
	sent := 0
	for i := range n {
		if err := l.Send(t.Context(), "jobs", message(i)); err == nil {
			sent++
		} else if !errors.Is(err, layer.ErrUnavailable) {
			t.Errorf("Send: %v", err)
		}
	}
	if sent != n/2 {
		t.Errorf("%d of %d sends succeed, want each other one", sent, n)
	}
	for range sent {
		if _, err := l.Receive(t.Context(), "jobs"); err != nil {
			t.Errorf("Receive: %v", err)
		}
	}
}
