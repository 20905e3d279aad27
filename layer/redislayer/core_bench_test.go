package redislayer_test

import (
	"testing"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
	"github.com/gochannels/channels/testing/layertest"
)

func BenchmarkCore(b *testing.B) {
	s := redistest.Start(b)
	layertest.Benchmark(b, func(t testing.TB, lo layertest.Options) layer.ChannelLayer {
		o := coreOptions(s)
		o.Capacity = lo.Capacity
		return coreReady(t, o)
	})
}
