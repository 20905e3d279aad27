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

// TestPubSubManyGroups joins 20,000 groups, loses the connection and has them all again. How long that takes is the
// benchmark's matter; it is short as few commands do it.
func TestPubSubManyGroups(t *testing.T) { // not parallel: it keeps the machine busy
	server := redistest.Start(t)
	recorder := redistest.NewRecorder(t, server.Addr())
	l := ready(t, pubSub(t, redislayer.Options{Hosts: []any{recorder.URL()}, Prefix: "asgi", CallTimeout: soon}))
	subscribed := func(most int) {
		t.Helper()
		commands := 0
		for _, c := range recorder.Take() {
			if len(c) > 1000 {
				t.Errorf("%s with %d arguments", c[0], len(c)-1)
			}
			if c[0] == "SUBSCRIBE" {
				commands++
			}
		}
		t.Logf("%d groups by %d commands", manyGroups, commands)
		if commands == 0 || commands > most {
			t.Errorf("subscribed by %d commands, want at most %d", commands, most)
		}
		if n := strings.Count(server.CLI("PUBSUB", "CHANNELS", "asgi__group__*"), "\n") + 1; n != manyGroups {
			t.Errorf("%d groups subscribed, want %d", n, manyGroups)
		}
	}
	joinMany(t, l)
	subscribed(manyGroups / 10) // 200 sockets join at a time
	server.CLI("CLIENT", "KILL", "TYPE", "pubsub")
	until(t, 3*soon, "the connection is made again", func() bool { return metric(t, l, "reconnects_total") == 1 })
	subscribed(manyGroups/999 + 2) // and the names of the sockets
}

// mostJoin is what joining 20,000 groups may take, and having them again.
const mostJoin = 5 * time.Second

// BenchmarkPubSubJoin20000Groups reports how long it takes to join 20,000 groups, and to have them again after an outage, and
// fails if either is more than it may be.
func BenchmarkPubSubJoin20000Groups(b *testing.B) {
	server := redistest.Start(b)
	var again time.Duration
	for b.Loop() {
		b.StopTimer()
		l := ready(b, pubSub(b, redislayer.Options{Hosts: []any{server.URL()}}))
		b.StartTimer()
		begun := time.Now()
		joinMany(b, l)
		b.StopTimer()
		joined := time.Since(begun)
		begun = time.Now()
		server.CLI("CLIENT", "KILL", "TYPE", "pubsub")
		until(b, soon, "the connection is made again", func() bool { return metric(b, l, "reconnects_total") == 1 })
		rejoined := time.Since(begun)
		if joined > mostJoin || rejoined > mostJoin {
			b.Errorf("joined in %v, and again in %v, want %v", joined, rejoined, mostJoin)
		}
		again += rejoined
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
