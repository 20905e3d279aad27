package layertest

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gochannels/channels/layer"
)

// Options is what a case needs the layer under test to be set to. Zero fields
// ask for the layer's default.
type Options struct {
	// Capacity is how many messages a channel holds.
	Capacity int
	// ChannelCapacity overrides Capacity for the channels that match.
	ChannelCapacity []layer.ChannelCapacity
	// Expiry is how long a message may wait. It is never below one second.
	Expiry time.Duration
}

// Run runs every case as a subtest of t, all at the same time, each with layers of
// its own made by newLayer, which must be safe for concurrent use. It returns when
// all are done.
func Run(t *testing.T, newLayer func(t testing.TB, o Options) layer.ChannelLayer) {
	t.Helper()
	// Not t.Parallel: those that wait for an expiry would take up its few slots.
	var wg sync.WaitGroup
	for _, c := range Cases() {
		wg.Go(func() {
			t.Run(c.Name, func(t *testing.T) { c.Run(t, newLayer) })
		})
	}
	wg.Wait()
}

// RunBubble does what [Run] does in parallel subtests, each case in a bubble of
// [testing/synctest], where waiting takes no time. It is for layers that live in the process and
// leave no goroutine behind after Close: one that hangs ends the test binary, as a bubble waits for all of its goroutines.
func RunBubble(t *testing.T, newLayer func(t testing.TB, o Options) layer.ChannelLayer) {
	t.Helper()
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { c.Run(t, newLayer) })
		})
	}
}

// Cases returns all cases of the suite, in the order [Run] starts them.
func Cases() []Case {
	return slices.Concat(sendCases, valueCases, orderCases, capacityCases, expiryCases, groupCases,
		memberCases, namedCases, nameCases, endCases, lawCases)
}
