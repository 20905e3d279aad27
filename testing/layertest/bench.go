package layertest

import (
	"context"
	"strconv"
	"testing"

	"github.com/gochannels/channels/layer"
)

// Benchmark measures a message sent to a channel, a group's message to 1, 100 and
// 10,000 members, and a membership, each until it is received or undone. It
// reports what a member costs as ns/member.
func Benchmark(b *testing.B, newLayer func(t testing.TB, o Options) layer.ChannelLayer) {
	b.Run("Send", func(b *testing.B) { benchmarkSend(b, newLayer) })
	b.Run("Membership", func(b *testing.B) { benchmarkMembership(b, newLayer) })
	for _, members := range []int{1, 100, 10_000} {
		b.Run("GroupSend/"+strconv.Itoa(members), func(b *testing.B) { benchmarkGroupSend(b, newLayer, members) })
	}
}

func benchmarkSend(b *testing.B, newLayer func(t testing.TB, o Options) layer.ChannelLayer) {
	ctx, l, ms := benchmarkLayer(b, newLayer, 1)
	msg := layer.Message{"type": "layertest.message", "text": "hello"}
	b.ReportAllocs()
	for b.Loop() {
		if err := l.Send(ctx, ms[0].Channel(), msg); err != nil {
			b.Fatal(err)
		}
		if _, err := ms[0].Receive(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkMembership(b *testing.B, newLayer func(t testing.TB, o Options) layer.ChannelLayer) {
	ctx, l, ms := benchmarkLayer(b, newLayer, 1)
	b.ReportAllocs()
	for b.Loop() {
		if err := l.GroupAdd(ctx, "layertest", ms[0].Channel()); err != nil {
			b.Fatal(err)
		}
		if err := l.GroupDiscard(ctx, "layertest", ms[0].Channel()); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkGroupSend(b *testing.B, newLayer func(t testing.TB, o Options) layer.ChannelLayer, members int) {
	ctx, l, ms := benchmarkLayer(b, newLayer, members)
	for _, m := range ms {
		if err := l.GroupAdd(ctx, "layertest", m.Channel()); err != nil {
			b.Fatal(err)
		}
	}
	msg := layer.Message{"type": "layertest.message", "text": "hello"}
	b.ReportAllocs()
	for b.Loop() {
		if err := l.GroupSend(ctx, "layertest", msg); err != nil {
			b.Fatal(err)
		}
		for _, m := range ms {
			if _, err := m.Receive(ctx); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(members), "ns/member")
}

func benchmarkLayer(b *testing.B, newLayer func(t testing.TB, o Options) layer.ChannelLayer, channels int) (context.Context, layer.ChannelLayer, []*layer.Mailbox) {
	b.Helper()
	l := newLayer(b, Options{})
	b.Cleanup(func() { _ = l.Close() })
	ms := make([]*layer.Mailbox, channels)
	for i := range ms {
		m, err := l.NewChannel(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		ms[i] = m
	}
	return b.Context(), l, ms
}
