package interop_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/gochannels/channels/layer"
)

// numbered is the message n of a sender: the same that peer.py's bursts have.
func numbered(sender string, n int) layer.Message {
	return layer.Message{"type": "test.message", "sender": sender, "n": n}
}

// burst sends numbered messages to a group from Go.
func burst(ctx context.Context, l layer.ChannelLayer, group, sender string, count int) error {
	for n := range count {
		if err := l.GroupSend(ctx, group, numbered(sender, n)); err != nil {
			return fmt.Errorf("%s, message %d: %w", sender, n, err)
		}
	}
	return nil
}

// together runs all at once and fails the test for each that fails.
func together(t testing.TB, all ...func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	faults := make([]error, len(all))
	var wg sync.WaitGroup
	for i, f := range all {
		wg.Go(func() { faults[i] = f(ctx) })
	}
	wg.Wait()
	for _, err := range faults {
		if err != nil {
			t.Error(err)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}

// eachOnce checks that a member has got all messages of all senders, each once and those of one sender in their order.
func eachOnce(t testing.TB, m *member, senders map[string]int) {
	t.Helper()
	want := 0
	for _, count := range senders {
		want += count
	}
	checkOnce(t, m.name, m.take(t, want), senders)
}

func checkOnce(t testing.TB, receiver string, got []layer.Message, senders map[string]int) {
	t.Helper()
	numbers := map[string][]int{}
	for _, msg := range got {
		sender, _ := msg["sender"].(string)
		n, _ := msg["n"].(int64)
		numbers[sender] = append(numbers[sender], int(n))
	}
	for _, sender := range slices.Sorted(maps.Keys(numbers)) {
		if _, ok := senders[sender]; !ok {
			t.Errorf("%s got messages of %q, which sent none: %v", receiver, sender, numbers[sender])
		}
	}
	for sender, count := range senders {
		want := make([]int, count)
		for i := range want {
			want[i] = i
		}
		if !slices.Equal(numbers[sender], want) {
			t.Errorf("%s: of %q came %v, want 0 to %d in order, each once", receiver, sender, numbers[sender], count-1)
		}
	}
}

// settle gives duplicates and strays the time to arrive in Python, then checks that nobody got any. What reaches a
// Python process by then has reached a Go process, too.
func settle(t testing.TB, members ...*member) {
	t.Helper()
	var checks []func(context.Context) error
	for _, m := range members {
		if m.python == nil {
			continue
		}
		checks = append(checks, func(ctx context.Context) error {
			found, err := m.python.do(ctx, "collected", args{"name": m.name, "count": 0, "settle": 0.15})
			if err != nil {
				return err
			}
			if strays := found.(map[string]any); len(strays["messages"].([]any)) > 0 || len(strays["errors"].([]any)) > 0 {
				return fmt.Errorf("%s also got %v", m.name, strays)
			}
			return nil
		})
	}
	together(t, checks...)
	for _, m := range members {
		if m.mailbox == nil {
			continue
		}
		if e, ok := m.mailbox.TryReceive(); ok {
			t.Errorf("%s also got %v", m.name, decode(t, e))
		}
		if g, ok := m.mailbox.TakeGap(); ok {
			t.Errorf("%s has a gap in peace: %+v", m.name, g)
		}
	}
}
