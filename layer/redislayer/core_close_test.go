package redislayer_test

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

// A worker that is shut down loses no job, whether it waits for its receivers first or not: what was taken for one that has
// gone is there for the next worker.
func TestCoreCloseKeepsJobs(t *testing.T) {
	t.Parallel()
	const rounds, receivers, jobs = 20, 8, 50
	s := redistest.Start(t)
	o := coreOptions(s)
	o.Capacity = 1 << 20
	sender := coreReady(t, o)
	for _, polite := range []bool{true, false} {
		for round := range rounds {
			channel := "jobs." + strconv.FormatBool(polite) + "." + strconv.Itoa(round)
			l := coreReady(t, o)
			ctx, cancel := context.WithCancel(t.Context())
			var received, sent atomic.Int64
			var receiving, sending sync.WaitGroup
			for range receivers {
				receiving.Go(func() {
					for {
						if _, err := l.Receive(ctx, channel); err != nil {
							return
						}
						received.Add(1)
					}
				})
			}
			stop := make(chan struct{})
			sending.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					if err := sender.Send(t.Context(), channel, message(0)); err != nil {
						t.Errorf("Send: %v", err)
						return
					}
					sent.Add(1)
				}
			})
			until(t, soon, "jobs are done", func() bool { return received.Load() >= jobs })
			cancel()
			if polite {
				receiving.Wait()
			}
			_ = l.Close()
			close(stop)
			sending.Wait()
			receiving.Wait()
			left, _ := strconv.ParseInt(s.CLI("ZCARD", o.Prefix+channel), 10, 64)
			if lost := sent.Load() - received.Load() - left; lost != 0 {
				t.Errorf("%s: %d jobs sent, %d received, %d left", channel, sent.Load(), received.Load(), left)
			}
		}
	}
}

// Close ends what waits for messages of named channels, and does not wait for it: the shortest of a few is far below a
// second, for which a wait goes on by itself.
func TestCoreCloseOfAnIdleWorker(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	shortest := time.Hour
	for range 5 {
		l := coreReady(t, coreOptions(s))
		var receiving sync.WaitGroup
		for i := range 3 {
			receiving.Go(func() { _, _ = l.Receive(t.Context(), "jobs"+strconv.Itoa(i)) })
		}
		until(t, soon, "the receivers wait", func() bool { return strings.Count(s.CLI("CLIENT", "LIST"), "cmd=bzpopmin") >= 4 })
		begun := time.Now()
		_ = l.Close()
		shortest = min(shortest, time.Since(begun))
		receiving.Wait()
	}
	if shortest > 300*time.Millisecond {
		t.Errorf("each Close took %v or more", shortest)
	}
}
