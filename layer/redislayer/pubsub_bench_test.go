package redislayer_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

const manyGroups = 20_000

// joinMany has 200 sockets join 100 groups each.
func joinMany(t testing.TB, l layer.ChannelLayer) {
	t.Helper()
	const sockets = 200
	var work sync.WaitGroup
	for s := range sockets {
		box := newChannel(t, l)
		work.Go(func() {
			for g := range manyGroups / sockets {
				if err := l.GroupAdd(t.Context(), fmt.Sprint("group.", s, ".", g), box.Channel()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	work.Wait()
}

// TestPubSubManyGroups joins 20,000 groups, loses the connection and has them all again, each within five seconds.
func TestPubSubManyGroups(t *testing.T) { // not parallel: it measures time
	server := redistest.Start(t)
	recorder := redistest.NewRecorder(t, server.Addr())
	l := ready(t, pubSub(t, redislayer.Options{Hosts: []any{recorder.URL()}, Prefix: "asgi"}))
	begun := time.Now()
	joinMany(t, l)
	joined := time.Since(begun)
	recorder.Take()
	begun = time.Now()
	server.CLI("CLIENT", "KILL", "TYPE", "pubsub")
	until(t, soon, "the connection is made again", func() bool { return metric(t, l, "reconnects_total") == 1 })
	rejoined := time.Since(begun)
	t.Logf("%d groups joined in %v, and again in %v after the connection was lost", manyGroups, joined.Round(time.Millisecond), rejoined.Round(time.Millisecond))
	if joined > 5*time.Second || rejoined > 5*time.Second {
		t.Error("more than five seconds")
	}
	for _, c := range recorder.Take() {
		if len(c) > 1000 {
			t.Errorf("%s with %d arguments", c[0], len(c)-1)
		}
	}
	if n := strings.Count(server.CLI("PUBSUB", "CHANNELS", "asgi__group__*"), "\n") + 1; n != manyGroups {
		t.Errorf("%d groups subscribed, want %d", n, manyGroups)
	}
}

// BenchmarkPubSubJoin20000Groups reports how long it takes to join 20,000 groups, and to have them again after an outage.
func BenchmarkPubSubJoin20000Groups(b *testing.B) {
	server := redistest.Start(b)
	var again time.Duration
	for b.Loop() {
		b.StopTimer()
		l := ready(b, pubSub(b, redislayer.Options{Hosts: []any{server.URL()}}))
		b.StartTimer()
		joinMany(b, l)
		b.StopTimer()
		begun := time.Now()
		server.CLI("CLIENT", "KILL", "TYPE", "pubsub")
		until(b, soon, "the connection is made again", func() bool { return metric(b, l, "reconnects_total") == 1 })
		again += time.Since(begun)
		_ = l.Close()
		b.StartTimer()
	}
	b.ReportMetric(float64(again.Milliseconds())/float64(b.N), "ms/rejoin")
}

// BenchmarkPubSubGroupSend sends to a group of one, from one goroutine and from many, until it is delivered.
func BenchmarkPubSubGroupSend(b *testing.B) {
	server := redistest.Start(b)
	for name, parallel := range map[string]int{"one": 0, "parallel": 32} {
		b.Run(name, func(b *testing.B) {
			l := ready(b, pubSub(b, redislayer.Options{Hosts: []any{server.URL()}}))
			box := newChannel(b, l, "g")
			box.Divert(func(layer.Envelope) bool { return true })
			msg := layer.Message{"type": "chat.message", "text": strings.Repeat("x", 100)}
			b.ReportAllocs()
			if parallel == 0 {
				for b.Loop() {
					if err := l.GroupSend(b.Context(), "g", msg); err != nil {
						b.Fatal(err)
					}
				}
				return
			}
			b.SetParallelism(parallel)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := l.GroupSend(b.Context(), "g", msg); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
