package redislayer_test

import (
	"testing"

	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
	"github.com/gochannels/channels/layer/redislayer/internal/vectors"
)

// TestVectorsNeverSeen has both layers do what channels_redis' layers were just seen to do, in calls of random order with
// random values.
func TestVectorsNeverSeen(t *testing.T) {
	t.Parallel()
	ports := make([]string, 3)
	for i := range ports {
		ports[i] = redistest.Start(t).Port()
	}
	vectors.Fresh(t, "^Test(Core|PubSub)Vectors$", []string{"commands.py"}, ports...)
}
