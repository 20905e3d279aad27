package redislayer_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer"
)

// soon is far beyond what anything that should happen at once takes.
const soon = 10 * time.Second

// until waits for ok by asking again and again.
func until(t testing.TB, patience time.Duration, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

func ready(t testing.TB, l *redislayer.PubSub) *redislayer.PubSub {
	t.Helper()
	until(t, soon, "the layer is ready", l.Ready)
	return l
}

func newChannel(t testing.TB, l layer.ChannelLayer, groups ...string) *layer.Mailbox {
	t.Helper()
	box, err := l.NewChannel(t.Context())
	if err != nil {
		t.Fatalf("NewChannel: %v", err)
	}
	for _, g := range groups {
		if err := l.GroupAdd(t.Context(), g, box.Channel()); err != nil {
			t.Fatalf("GroupAdd: %v", err)
		}
	}
	return box
}

func message(n int) layer.Message { return layer.Message{"type": "test.message", "n": n} }

func groupSend(t testing.TB, l layer.ChannelLayer, group string, n int) {
	t.Helper()
	if err := l.GroupSend(t.Context(), group, message(n)); err != nil {
		t.Fatalf("GroupSend: %v", err)
	}
}

// receive waits for the next message and returns its number.
func receive(t testing.TB, box *layer.Mailbox) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	e, err := box.Receive(ctx)
	if err != nil {
		t.Fatalf("Receive: %v", err)
	}
	return number(t, e)
}

func number(t testing.TB, e layer.Envelope) int {
	t.Helper()
	m, err := e.Message()
	if err != nil {
		t.Fatal(err)
	}
	n, _ := m["n"].(int64)
	return int(n)
}

// expect checks that the next messages are these.
func expect(t testing.TB, box *layer.Mailbox, want ...int) {
	t.Helper()
	for _, n := range want {
		if got := receive(t, box); got != n {
			t.Fatalf("received message %d, want %d", got, n)
		}
	}
}

// gapOf waits for the mailbox's gap.
func gapOf(t testing.TB, box *layer.Mailbox) layer.Gap {
	t.Helper()
	var gap layer.Gap
	until(t, soon, "a gap", func() (ok bool) {
		gap, ok = box.TakeGap()
		return ok
	})
	return gap
}

func noGap(t testing.TB, boxes ...*layer.Mailbox) {
	t.Helper()
	for _, box := range boxes {
		if g, ok := box.TakeGap(); ok {
			t.Errorf("a gap where nothing was lost: %+v", g)
		}
	}
}

// metric returns the value of a metric of the layer's.
func metric(t testing.TB, l layer.Measured, name string) int64 {
	t.Helper()
	for _, m := range l.Metrics() {
		if strings.HasSuffix(m.Name, name) {
			return m.Value
		}
	}
	t.Fatalf("there is no metric %q", name)
	return 0
}

// up waits until every server is connected and subscribed to, or none is.
func up(t testing.TB, l layer.Measured, want bool, patience time.Duration) {
	t.Helper()
	until(t, patience, "all servers are up, or down", func() bool {
		n := metric(t, l, "servers_up")
		return want && n == metric(t, l, "redis_servers") || !want && n == 0
	})
}

// sender sends numbered messages to a group from a goroutine of its own until it is stopped.
type sender struct {
	stop  func()
	mu    sync.Mutex
	taken []int         // GroupSend returned nil
	errs  []error       // of the others
	worst time.Duration // that a call took
}

func startSender(t testing.TB, l layer.ChannelLayer, group string, interval time.Duration) *sender {
	s := new(sender)
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	s.stop = sync.OnceFunc(func() {
		cancel()
		work.Wait()
	})
	t.Cleanup(s.stop)
	work.Go(func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for n := 1; ctx.Err() == nil; n++ {
			begun := time.Now()
			err := l.GroupSend(context.WithoutCancel(ctx), group, message(n))
			s.mu.Lock()
			s.worst = max(s.worst, time.Since(begun))
			if err == nil {
				s.taken = append(s.taken, n)
			} else {
				s.errs = append(s.errs, err)
			}
			s.mu.Unlock()
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	})
	return s
}

// check checks that each call failed with one of the layer's errors, and none took longer than limit.
func (s *sender) check(t testing.TB, limit time.Duration) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, err := range s.errs {
		if !errors.Is(err, layer.ErrUnavailable) && !errors.Is(err, layer.ErrOutcomeUnknown) {
			t.Errorf("GroupSend: %v", err)
		}
	}
	if s.worst > limit {
		t.Errorf("a call took %v, more than %v", s.worst, limit)
	}
	t.Logf("%d messages taken, %d refused, the longest call took %v", len(s.taken), len(s.errs), s.worst.Round(time.Millisecond))
}

func (s *sender) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.taken)
}

// numbers takes everything out of a mailbox, and checks that no number comes twice or late.
func numbers(t testing.TB, box *layer.Mailbox) []int {
	t.Helper()
	var got []int
	for e, ok := box.TryReceive(); ok; e, ok = box.TryReceive() {
		n := number(t, e)
		if len(got) > 0 && n <= got[len(got)-1] {
			t.Errorf("message %d came after %d", n, got[len(got)-1])
		}
		got = append(got, n)
	}
	return got
}
