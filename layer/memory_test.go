package layer_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/layer"
)

func TestNewChannelNames(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	rule := regexp.MustCompile(`\Aspecific\.memory![A-Z2-7]{26}\z`)
	seen := make(map[string]bool)
	for range 100 {
		box := newChannel(t, l)
		if !rule.MatchString(box.Channel()) || seen[box.Channel()] {
			t.Errorf("channel name %q", box.Channel())
		}
		checkErr(t, "CheckChannelName", layer.CheckChannelName(box.Channel()), nil)
		seen[box.Channel()] = true
	}
}

func TestSendReceiveOnNewChannel(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	box := newChannel(t, l)
	send(t, l, box.Channel(), "1", "2", "3")
	checkDrain(t, box, "1", "2", "3")
	checkStats(t, l.Stats(), layer.Stats{Sent: 3, Routed: 3, Delivered: 3, Channels: 1})
}

func TestSendReceiveOnNamedChannel(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	send(t, l, "work", "1", "2")
	if got := l.Stats().Channels; got != 1 {
		t.Errorf("%d channels with messages waiting, want 1", got)
	}
	for _, want := range []string{"1", "2"} {
		if got := receive(t, l, "work"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	checkStats(t, l.Stats(), layer.Stats{Sent: 2, Routed: 2, Delivered: 2})
}

func TestWaitingReceiverGetsTheMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := new(layer.Memory)
		got := make(chan string)
		go func() { got <- receive(t, l, "work") }()
		synctest.Wait()
		send(t, l, "work", "1")
		if s := <-got; s != "1" {
			t.Errorf("got %q", s)
		}
		checkStats(t, l.Stats(), layer.Stats{Sent: 1, Routed: 1, Delivered: 1})
	})
}

func TestReceiveWithNothingSentEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := new(layer.Memory)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := l.Receive(ctx, "work")
		checkErr(t, "Receive", err, context.DeadlineExceeded)
		checkStats(t, l.Stats(), layer.Stats{})
	})
}

func TestSendCapacity(t *testing.T) {
	t.Parallel()
	l := &layer.Memory{Capacity: 3}
	box := newChannel(t, l)
	for _, channel := range []string{box.Channel(), "named"} {
		send(t, l, channel, "1", "2", "3")
		checkErr(t, "the fourth Send", l.Send(t.Context(), channel, text("4")), layer.ErrFull)
	}
	checkStats(t, l.Stats(), layer.Stats{
		Sent: 6, Routed: 8, Pending: 6, Channels: 2, Dropped: map[layer.DropReason]int64{layer.DropFull: 2},
	})
	checkDrain(t, box, "1", "2", "3")
	send(t, l, box.Channel(), "5")
}

func TestDropOldest(t *testing.T) {
	t.Parallel()
	l := &layer.Memory{Capacity: 2, DropOldest: true}
	box := newChannel(t, l)
	send(t, l, box.Channel(), "1", "2", "3")
	checkDrain(t, box, "2", "3")
}

func TestChannelCapacityByGlob(t *testing.T) {
	t.Parallel()
	l := &layer.Memory{Capacity: 4, ChannelCapacity: []layer.ChannelCapacity{{"one", 1}, {"t[wx]o", 2}, {"specific.*", 3}, {"*", 5}}}
	tests := []struct {
		channel string
		want    int
	}{{"one", 1}, {"two", 2}, {"txo", 2}, {newChannel(t, l).Channel(), 3}, {"other", 5}}
	for _, test := range tests {
		n := 0
		for l.Send(t.Context(), test.channel, text("x")) == nil {
			n++
		}
		if n != test.want {
			t.Errorf("%s takes %d messages, want %d", test.channel, n, test.want)
		}
	}
}

func TestSendToNobodyIsCounted(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	box := newChannel(t, l)
	box.Close()
	send(t, l, box.Channel(), "1")
	send(t, l, "specific.memory!", "2")
	checkStats(t, l.Stats(), layer.Stats{Sent: 2, Routed: 2, Dropped: map[layer.DropReason]int64{layer.DropNoReceiver: 2}})
}

func TestGroupsBasic(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	a, b, c := newChannel(t, l), newChannel(t, l), newChannel(t, l)
	groupAdd(t, l, "g", a.Channel(), b.Channel(), c.Channel(), a.Channel())
	checkErr(t, "GroupDiscard", l.GroupDiscard(t.Context(), "g", b.Channel()), nil)
	groupSend(t, l, "g", "1")
	groupSend(t, l, "nobody", "2")
	checkDrain(t, a, "1")
	checkDrain(t, b)
	checkDrain(t, c, "1")
	checkStats(t, l.Stats(), layer.Stats{GroupSent: 2, Routed: 2, Delivered: 2, Channels: 3, Groups: 1, Memberships: 2})
}

func TestGroupSendSwallowsFull(t *testing.T) {
	t.Parallel()
	l := &layer.Memory{Capacity: 3}
	one, two := newChannel(t, l), newChannel(t, l)
	groupAdd(t, l, "g", one.Channel(), two.Channel())
	send(t, l, two.Channel(), "0")
	groupSend(t, l, "g", "1", "2", "3", "4", "5")
	checkDrain(t, one, "1", "2", "3")
	checkDrain(t, two, "0", "1", "2")
	checkStats(t, l.Stats(), layer.Stats{
		Sent: 1, GroupSent: 5, Routed: 11, Delivered: 6, Channels: 2, Groups: 1, Memberships: 2,
		Dropped: map[layer.DropReason]int64{layer.DropFull: 5},
	})
}

func TestGroupDiscardOfAStrangerIsSilent(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	for _, channel := range []string{newChannel(t, l).Channel(), "named", "specific.memory!gone"} {
		checkErr(t, "GroupDiscard", l.GroupDiscard(t.Context(), "g", channel), nil)
	}
	checkStats(t, l.Stats(), layer.Stats{Channels: 1})
}

func TestNamedChannelInAGroup(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	groupAdd(t, l, "g", "work", "work")
	groupAdd(t, l, "h", "work")
	groupSend(t, l, "g", "1")
	groupSend(t, l, "h", "2")
	for _, want := range []string{"1", "2"} {
		if got := receive(t, l, "work"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	checkStats(t, l.Stats(), layer.Stats{GroupSent: 2, Routed: 2, Delivered: 2, Channels: 1, Groups: 2, Memberships: 2})
	checkErr(t, "GroupDiscard", l.GroupDiscard(t.Context(), "g", "work"), nil)
	checkErr(t, "GroupDiscard", l.GroupDiscard(t.Context(), "g", "work"), nil)
	groupSend(t, l, "h", "3")
	if got := receive(t, l, "work"); got != "3" {
		t.Errorf("got %q, want 3", got)
	}
	checkErr(t, "GroupDiscard", l.GroupDiscard(t.Context(), "h", "work"), nil)
	checkStats(t, l.Stats(), layer.Stats{GroupSent: 3, Routed: 3, Delivered: 3})
}

func TestUnknownChannelCannotJoin(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	box := newChannel(t, l)
	box.Close()
	for _, channel := range []string{box.Channel(), "specific.memory!x", "other!y"} {
		checkErr(t, "GroupAdd", l.GroupAdd(t.Context(), "g", channel), layer.ErrUnknownChannel)
	}
	checkStats(t, l.Stats(), layer.Stats{})
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &layer.Memory{Expiry: 100 * time.Millisecond}
		send(t, l, "work", "1")
		time.Sleep(101 * time.Millisecond) // in the bubble
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := l.Receive(ctx, "work")
		checkErr(t, "Receive of an expired message", err, context.DeadlineExceeded)
		checkStats(t, l.Stats(), layer.Stats{Sent: 1, Routed: 1, Expired: 1})
	})
}

func TestExpiryOfSome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &layer.Memory{Expiry: 3 * time.Second}
		a, b := newChannel(t, l), newChannel(t, l)
		groupAdd(t, l, "g", a.Channel(), b.Channel())
		send(t, l, a.Channel(), "0")
		time.Sleep(2 * time.Second) // in the bubble
		groupSend(t, l, "g", "2")
		time.Sleep(2 * time.Second) // in the bubble
		groupSend(t, l, "g", "4")
		checkDrain(t, a, "2", "4")
		checkDrain(t, b, "2", "4")
	})
}

// TestUnreadNamedChannelsAreSwept has a message that nobody reads; another channel's traffic clears it away.
func TestUnreadNamedChannelsAreSwept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &layer.Memory{Expiry: 100 * time.Millisecond}
		send(t, l, "unread", "1")
		time.Sleep(250 * time.Millisecond) // in the bubble
		send(t, l, "work", "2")
		if got := receive(t, l, "work"); got != "2" {
			t.Errorf("got %q", got)
		}
		checkStats(t, l.Stats(), layer.Stats{Sent: 2, Routed: 2, Delivered: 1, Expired: 1})
	})
}

func TestNamesAreCheckedFirst(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	ctx := t.Context()
	calls := map[string]func(name string) error{
		"Send":                     func(name string) error { return l.Send(ctx, name, nil) },
		"GroupAdd, group":          func(name string) error { return l.GroupAdd(ctx, name, "c") },
		"GroupAdd, channel":        func(name string) error { return l.GroupAdd(ctx, "g", name) },
		"GroupDiscard, group":      func(name string) error { return l.GroupDiscard(ctx, name, "c") },
		"GroupDiscard, channel":    func(name string) error { return l.GroupDiscard(ctx, "g", name) },
		"GroupSend":                func(name string) error { return l.GroupSend(ctx, name, nil) },
		"Receive":                  func(name string) error { _, err := l.Receive(ctx, name); return err },
		"Receive, specific":        func(string) error { _, err := l.Receive(ctx, "specific.memory!x"); return err },
		"Receive, specific prefix": func(string) error { _, err := l.Receive(ctx, "specific.memory!"); return err },
	}
	for what, call := range calls {
		for _, name := range []string{"", "=+135!", "a b", "¯\\_(ツ)_/¯", strings.Repeat("chat", 100), "!", "!x", "a!b!c", "a\n"} {
			var nameErr *layer.NameError
			if err := call(name); !errors.As(err, &nameErr) {
				t.Errorf("%s(%q): %v, want a *NameError", what, name, err)
			}
		}
	}
}

func TestMessagesAreChecked(t *testing.T) {
	t.Parallel()
	l := &layer.Memory{MaxSize: 100}
	for what, call := range map[string]func(layer.Message) error{
		"Send":      func(msg layer.Message) error { return l.Send(t.Context(), "c", msg) },
		"GroupSend": func(msg layer.Message) error { return l.GroupSend(t.Context(), "g", msg) },
	} {
		var msgErr *layer.MessageError
		if err := call(layer.Message{"type": 5}); !errors.As(err, &msgErr) {
			t.Errorf("%s: %v, want a *MessageError", what, err)
		}
		checkErr(t, what, call(text(strings.Repeat("x", 100))), layer.ErrTooLarge)
	}
	checkStats(t, l.Stats(), layer.Stats{})
	if err := new(layer.Memory).Send(t.Context(), "c", text(strings.Repeat("x", 4<<20))); !errors.Is(err, layer.ErrTooLarge) {
		t.Errorf("4 MiB and more: %v", err)
	}
	checkErr(t, "Send of 2 MiB", new(layer.Memory).Send(t.Context(), "c", text(strings.Repeat("x", 2<<20))), nil)
}

func TestFaultyFieldsAreTheErrorOfEveryCall(t *testing.T) {
	t.Parallel()
	tests := []struct {
		want  string
		layer *layer.Memory
	}{
		{"layer: Memory.Capacity is negative: -1", &layer.Memory{Capacity: -1}},
		{"layer: Memory.Expiry is negative: -1s", &layer.Memory{Expiry: -time.Second}},
		{"layer: Memory.MaxSize is negative: -5", &layer.Memory{MaxSize: -5}},
		{`layer: Memory.ChannelCapacity[1]: pattern "a[b": a '[' has no ']'`, &layer.Memory{ChannelCapacity: []layer.ChannelCapacity{{"x", 1}, {"a[b", 1}}}},
		{`layer: Memory.ChannelCapacity[0]: pattern "": it is empty`, &layer.Memory{ChannelCapacity: []layer.ChannelCapacity{{"", 1}}}},
		{`layer: Memory.ChannelCapacity[0]: capacity of "x" is not positive: 0`, &layer.Memory{ChannelCapacity: []layer.ChannelCapacity{{"x", 0}}}},
	}
	for _, test := range tests {
		_, err := test.layer.NewChannel(t.Context())
		for _, err := range []error{err, test.layer.GroupSend(t.Context(), "g", text("x"))} {
			if diff := cmp.Diff(test.want, fmt.Sprint(err)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
	}
}

func TestCancelledContextDoesNothing(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	box := newChannel(t, l)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for what, err := range everyCall(ctx, l, box.Channel()) {
		checkErr(t, what, err, context.Canceled)
	}
	checkStats(t, l.Stats(), layer.Stats{Channels: 1})
}

func everyCall(ctx context.Context, l *layer.Memory, channel string) map[string]error {
	_, newErr := l.NewChannel(ctx)
	_, receiveErr := l.Receive(ctx, "work")
	return map[string]error{
		"NewChannel":   newErr,
		"Send":         l.Send(ctx, channel, text("x")),
		"Send, named":  l.Send(ctx, "work", text("x")),
		"GroupAdd":     l.GroupAdd(ctx, "g", channel),
		"GroupDiscard": l.GroupDiscard(ctx, "g", channel),
		"GroupSend":    l.GroupSend(ctx, "g", text("x")),
		"Receive":      receiveErr,
		"Flush":        l.Flush(ctx),
	}
}

func TestCloseEndsEverything(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := new(layer.Memory)
		box := newChannel(t, l)
		groupAdd(t, l, "g", box.Channel(), "work")
		errs := make(chan error, 2)
		go func() {
			_, err := box.Receive(t.Context())
			errs <- err
		}()
		go func() {
			_, err := l.Receive(t.Context(), "idle")
			errs <- err
		}()
		synctest.Wait()
		send(t, l, "work", "1")
		for range 2 {
			checkErr(t, "Close", l.Close(), nil)
		}
		for range 2 {
			checkErr(t, "a waiting Receive", <-errs, layer.ErrClosed)
		}
		for what, err := range everyCall(t.Context(), l, box.Channel()) {
			checkErr(t, what, err, layer.ErrClosed)
		}
		checkStats(t, l.Stats(), layer.Stats{Sent: 1, Routed: 1, Dropped: map[layer.DropReason]int64{layer.DropClosed: 1}})
	})
}

func TestFlushForgetsMessagesAndMemberships(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := new(layer.Memory)
		box := newChannel(t, l)
		groupAdd(t, l, "g", box.Channel(), "work")
		groupSend(t, l, "g", "1")
		got := make(chan string)
		go func() { got <- receive(t, l, "waiting") }()
		synctest.Wait()
		checkErr(t, "Flush", layer.Flush(t.Context(), l), nil)
		checkStats(t, l.Stats(), layer.Stats{
			GroupSent: 1, Routed: 2, Channels: 2, Dropped: map[layer.DropReason]int64{layer.DropClosed: 2},
		})
		groupSend(t, l, "g", "2")
		send(t, l, box.Channel(), "3")
		send(t, l, "waiting", "4")
		checkDrain(t, box, "3")
		if s := <-got; s != "4" {
			t.Errorf("the receiver that waited got %q", s)
		}
		groupAdd(t, l, "g", box.Channel())
		groupSend(t, l, "g", "5")
		checkDrain(t, box, "5")
	})
}

func TestOrderIsKeptPerSender(t *testing.T) {
	t.Parallel()
	const senders, each = 4, 100
	l := new(layer.Memory)
	boxes := []*layer.Mailbox{newChannel(t, l), newChannel(t, l), newChannel(t, l)}
	for _, box := range boxes {
		groupAdd(t, l, "g", box.Channel())
	}
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			for j := range each {
				if i%2 == 0 {
					groupSend(t, l, "g", fmt.Sprintf("%d/%03d", i, j))
					continue
				}
				for _, box := range boxes {
					send(t, l, box.Channel(), fmt.Sprintf("%d/%03d", i, j))
				}
			}
		})
	}
	wg.Wait()
	for _, box := range boxes {
		got := drain(t, box)
		want := slices.Sorted(slices.Values(got))
		slices.SortStableFunc(got, func(a, b string) int { return strings.Compare(a[:1], b[:1]) })
		if diff := cmp.Diff(want, got); len(got) != senders*each || diff != "" {
			t.Errorf("%d messages; by sender (-sorted +received):\n%s", len(got), diff)
		}
	}
}

func TestUnsupportedAbilities(t *testing.T) {
	t.Parallel()
	var bare struct{ layer.ChannelLayer }
	_, err := layer.Receive(t.Context(), bare, "work")
	checkErr(t, "Receive", err, errors.ErrUnsupported)
	checkErr(t, "Flush", layer.Flush(t.Context(), bare), errors.ErrUnsupported)
}

func TestMetricsHaveNoNames(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	box := newChannel(t, l)
	groupAdd(t, l, "secret", box.Channel())
	groupSend(t, l, "secret", "1", "2")
	got := make(map[string]int64)
	for _, m := range l.Metrics() {
		if !strings.HasPrefix(m.Name, "channels_layer_") || m.Help == "" || m.Gauge == strings.HasSuffix(m.Name, "_total") {
			t.Errorf("metric %+v", m)
		}
		got[m.Name+"/"+m.Reason] += m.Value
	}
	want := map[string]int64{
		"channels_layer_sent_total/": 0, "channels_layer_group_sent_total/": 2, "channels_layer_routed_total/": 2,
		"channels_layer_delivered_total/": 0, "channels_layer_expired_total/": 0, "channels_layer_gaps_total/": 0,
		"channels_layer_dropped_total/full": 0, "channels_layer_dropped_total/oldest": 0,
		"channels_layer_dropped_total/closed": 0, "channels_layer_dropped_total/no_receiver": 0,
		"channels_layer_pending/": 2, "channels_layer_channels/": 1, "channels_layer_groups/": 1, "channels_layer_memberships/": 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
