package layer_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/gochannels/channels/layer"
)

// TestConservation joins, leaves, sends, receives and closes from many goroutines: every copy of every message must be
// delivered, expired, dropped with a reason, or waiting.
func TestConservation(t *testing.T) {
	t.Parallel()
	l := &layer.Memory{Capacity: 8}
	var (
		wg       sync.WaitGroup
		received [8]int64
	)
	ctx := context.Background()
	for i := range received {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(i)))
			for range 60 {
				box, err := l.NewChannel(ctx)
				if err != nil {
					t.Error(err)
					return
				}
				if random.IntN(2) == 0 {
					box.OnReady(func() {})
				}
				for range 30 {
					group := fmt.Sprint("g", random.IntN(3))
					switch random.IntN(8) {
					case 0, 1:
						if err := l.GroupAdd(ctx, group, box.Channel()); err != nil {
							t.Error(err)
						}
					case 2:
						if err := l.GroupDiscard(ctx, group, box.Channel()); err != nil {
							t.Error(err)
						}
					case 3, 4:
						if err := l.GroupSend(ctx, group, text("x")); err != nil {
							t.Error(err)
						}
					case 5:
						for _, channel := range []string{box.Channel(), "work"} {
							if err := l.Send(ctx, channel, text("x")); err != nil && !errors.Is(err, layer.ErrFull) {
								t.Error(err)
							}
						}
					case 6:
						if err := l.GroupAdd(ctx, group, "work"); err != nil {
							t.Error(err)
						}
					case 7:
						for {
							if _, ok := box.TryReceive(); !ok {
								break
							}
							received[i]++
						}
					}
					if s := l.Stats(); s.Pending < 0 {
						t.Errorf("pending: %+v", s)
					}
				}
				box.Close()
			}
		})
	}
	wg.Wait()
	s := l.Stats()
	checkConservation(t, s)
	var sum int64
	for _, n := range received {
		sum += n
	}
	if s.Delivered != sum {
		t.Errorf("%d messages received, %d counted as delivered", sum, s.Delivered)
	}
	if s.Channels > 1 || s.Memberships > 3 || s.Pending > 8 {
		t.Errorf("more than the channel \"work\" is left: %+v", s)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s = l.Stats()
	checkConservation(t, s)
	if s.Pending != 0 || s.Channels != 0 || s.Groups != 0 || s.Memberships != 0 {
		t.Errorf("after Close: %+v", s)
	}
}

// TestGroupAddRacingCloseLeavesNoGhost closes mailboxes while they join.
func TestGroupAddRacingCloseLeavesNoGhost(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	for range 500 {
		box := newChannel(t, l)
		var wg sync.WaitGroup
		for i := range 3 {
			wg.Go(func() {
				err := l.GroupAdd(context.Background(), fmt.Sprint("g", i), box.Channel())
				if err != nil && !errors.Is(err, layer.ErrUnknownChannel) {
					t.Error(err)
				}
			})
		}
		wg.Go(box.Close)
		wg.Wait()
	}
	checkStats(t, l.Stats(), layer.Stats{})
}

// TestNamedChannelIsNotForgottenUnderway sends to and receives from a named channel that comes and goes all the time.
func TestNamedChannelIsNotForgottenUnderway(t *testing.T) {
	t.Parallel()
	const senders, each = 4, 300
	l := &layer.Memory{Capacity: senders * each}
	var wg sync.WaitGroup
	for range senders {
		wg.Go(func() {
			for range each {
				send(t, l, "work", "x")
			}
		})
		wg.Go(func() {
			for range each {
				receive(t, l, "work")
			}
		})
	}
	wg.Wait()
	checkStats(t, l.Stats(), layer.Stats{Sent: senders * each, Routed: senders * each, Delivered: senders * each})
}

func TestIdleMailboxIsSmall(t *testing.T) { // not parallel: it measures the heap
	const n, limit = 20_000, 700
	l := new(layer.Memory)
	boxes := make([]*layer.Mailbox, n)
	goroutines, before := runtime.NumGoroutine(), heap()
	for i := range boxes {
		boxes[i] = newChannel(t, l)
	}
	size := (heap() - before) / n
	for _, box := range boxes {
		groupAdd(t, l, "everybody", box.Channel())
	}
	joined := (heap() - before) / n
	t.Logf("an idle mailbox takes %d bytes, %d in one group", size, joined)
	if joined > limit {
		t.Errorf("an idle mailbox in a group takes %d bytes, more than %d", joined, limit)
	}
	if now := runtime.NumGoroutine(); now > goroutines {
		t.Errorf("%d goroutines more", now-goroutines)
	}
	runtime.KeepAlive(boxes)
}

func TestChurnLeavesNothing(t *testing.T) { // not parallel: it measures the heap
	l := new(layer.Memory)
	cycle := func(n int) {
		for i := range n {
			box := newChannel(t, l)
			groupAdd(t, l, "everybody", box.Channel())
			groupAdd(t, l, fmt.Sprint("own", i), box.Channel())
			box.Close()
		}
	}
	cycle(1000)
	goroutines, before := runtime.NumGoroutine(), heap()
	cycle(100_000)
	if after := heap(); after > before+256<<10 {
		t.Errorf("the heap grew from %d to %d bytes", before, after)
	}
	if now := runtime.NumGoroutine(); now > goroutines {
		t.Errorf("%d goroutines more", now-goroutines)
	}
	checkStats(t, l.Stats(), layer.Stats{})
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}
