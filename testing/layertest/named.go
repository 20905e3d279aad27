package layertest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/layer"
)

// Cases about named channels. On a layer that has none each passes once the layer
// has answered errors.ErrUnsupported.
var namedCases = []Case{
	{
		Name:    "named",
		Promise: "A named channel keeps its messages, in order, for whoever receives from that very name.",
		Limit:   usual,
		run:     named,
	},
	{
		Name:    "named-one-receiver",
		Promise: "Each message of a named channel goes to one receiver, however many wait.",
		Limit:   usual,
		run:     namedOneReceiver,
	},
	{
		Name:    "named-in-group",
		Promise: "A named channel can be in a group.",
		Limit:   usual,
		run:     namedInGroup,
	},
	{
		Name:    "named-waiter",
		Promise: "Who waits at an empty named channel gets its next message, however long it was empty.",
		Limit:   slow,
		run:     namedWaiter,
	},
	{
		Name:    "named-only",
		Promise: "Receive refuses names that are not a named channel's; a layer without named channels or without Flush answers errors.ErrUnsupported.",
		Limit:   usual,
		run:     namedOnly,
	},
	{
		Name:    "receive-cancel",
		Promise: "A Receive that is cancelled returns at once with ctx's error and loses no message.",
		Limit:   usual,
		run:     receiveCancel,
	},
}

// beat is long enough for goroutines just started to be blocked where they are
// to wait. Nothing but the severity of a case depends on it.
const beat = 10 * time.Millisecond

// named sends to two channels, in one order, and receives in another.
func named(r *run) {
	l := r.open(Options{})
	if !r.named(l) {
		return
	}
	low := r.name("jobs")
	high := strings.ToUpper(low)
	for i := range 3 {
		r.send(l, high, message(i))
	}
	r.send(l, low, message(10))
	got := []int{number(r.receiveNamed(l, low))}
	for range 3 {
		got = append(got, number(r.receiveNamed(l, high)))
	}
	if diff := cmp.Diff([]int{10, 0, 1, 2}, got); diff != "" {
		r.Errorf("received (-want +got):\n%s", diff)
	}
}

// namedOneReceiver has four receivers share twenty messages. Each ends when it
// gets one of as many last messages.
func namedOneReceiver(r *run) {
	const receivers, n, last = 4, 20, 1000
	l := r.open(Options{})
	if !r.named(l) {
		return
	}
	var mu sync.Mutex
	var got []int
	var wg sync.WaitGroup
	channel := r.name("jobs")
	for range receivers {
		wg.Go(func() {
			for {
				e, err := layer.Receive(r.ctx, l, channel)
				if err != nil {
					r.Errorf("Receive: %v", err)
					return
				}
				msg, err := e.Message()
				if err != nil || number(msg) == last {
					return
				}
				mu.Lock()
				got = append(got, number(msg))
				mu.Unlock()
			}
		})
	}
	r.pause(beat)
	var want []int
	for i := range n {
		want = append(want, i)
		r.send(l, channel, message(i))
	}
	for range receivers {
		r.send(l, channel, message(last))
	}
	wg.Wait()
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		r.Errorf("received by all together (-want +got):\n%s", diff)
	}
}

// namedInGroup sends to a group of a named channel and a specific one.
func namedInGroup(r *run) {
	l := r.open(Options{})
	if !r.named(l) {
		return
	}
	m, channel, group := r.channel(l), r.name("jobs"), r.name("group")
	r.join(l, group, m)
	if err := l.GroupAdd(r.ctx, group, channel); err != nil {
		r.Fatalf("GroupAdd of a named channel: %v", err)
	}
	r.groupSend(l, group, message(1))
	if got := number(r.receive(m)); got != 1 {
		r.Errorf("the specific member received %d, want 1", got)
	}
	if got := number(r.receiveNamed(l, channel)); got != 1 {
		r.Errorf("the named member received %d, want 1", got)
	}
	if err := l.GroupDiscard(r.ctx, group, channel); err != nil {
		r.Errorf("GroupDiscard of a named channel: %v", err)
	}
	r.groupSend(l, group, message(2))
	r.send(l, channel, message(3))
	if got := number(r.receiveNamed(l, channel)); got != 3 {
		r.Errorf("the named channel received %d after it had left, want 3", got)
	}
}

// namedWaiter keeps a receiver waiting for longer than the expiry, while the
// layer is busy elsewhere and may forget what it takes for unused.
func namedWaiter(r *run) {
	l := r.open(Options{Expiry: time.Second})
	if !r.named(l) {
		return
	}
	m, channel := r.channel(l), r.name("jobs")
	got := make(chan int, 1)
	go func() {
		defer close(got)
		e, err := layer.Receive(r.ctx, l, channel)
		if err != nil {
			r.Errorf("Receive: %v", err)
			return
		}
		if msg, err := e.Message(); err == nil {
			got <- number(msg)
		}
	}()
	for range 2 {
		r.pause(1200 * time.Millisecond)
		r.send(l, m.Channel(), message(1))
		r.receive(m)
	}
	r.send(l, channel, message(2))
	if n := <-got; n != 2 {
		r.Errorf("the receiver got message %d, want 2", n)
	}
}

// namedOnly asks for what is no named channel, and for what the layer lacks.
func namedOnly(r *run) {
	l := r.open(Options{})
	if _, ok := l.(layer.Flusher); !ok {
		if err := layer.Flush(r.ctx, l); !errors.Is(err, errors.ErrUnsupported) {
			r.Errorf("Flush: %v, want errors.ErrUnsupported", err)
		}
	}
	if !r.named(l) {
		return
	}
	for _, name := range []string{"", "jobs!", "specific!x", r.channel(l).Channel(), "no name"} {
		var refused *layer.NameError
		if _, err := layer.Receive(r.ctx, l, name); !errors.As(err, &refused) {
			r.Errorf("Receive from %q: %v, want a *NameError", name, err)
		}
	}
}

// receiveCancel cancels receivers: before they begin, while they wait, and while
// a message is on its way to them.
func receiveCancel(r *run) {
	l := r.open(Options{})
	m, channel := r.channel(l), r.name("jobs")
	r.cancelled(l, m.Channel(), m.Receive)
	if r.named(l) {
		r.cancelled(l, channel, func(ctx context.Context) (layer.Envelope, error) { return layer.Receive(ctx, l, channel) })
	}
}

func (r *run) cancelled(l layer.ChannelLayer, channel string, receive func(context.Context) (layer.Envelope, error)) {
	const races = 20
	r.Helper()
	ctx, cancel := context.WithCancel(r.ctx)
	cancel()
	if _, err := receive(ctx); !errors.Is(err, context.Canceled) {
		r.Fatalf("Receive with a cancelled context: %v", err)
	}
	next := 0
	for i := range 1 + races {
		ctx, cancel := context.WithCancel(r.ctx)
		var race sync.WaitGroup
		got := make(chan int, 1)
		go func() {
			defer close(got)
			e, err := receive(ctx)
			if err != nil {
				if !errors.Is(err, context.Canceled) {
					r.Errorf("a Receive that was cancelled: %v, want context.Canceled", err)
				}
				return
			}
			if msg, err := e.Message(); err == nil {
				got <- number(msg)
			}
		}()
		if i == 0 {
			r.pause(beat)
			cancel()
			<-got // returns only when Receive has
		} else {
			race.Go(cancel)
		}
		r.send(l, channel, message(next))
		n, ok := <-got
		if !ok {
			e, err := receive(r.ctx)
			if err != nil {
				r.Fatalf("message %d was lost to a receiver that was cancelled: %v", next, err)
			}
			n = number(r.decode(e))
		}
		if n != next {
			r.Fatalf("received message %d, want %d", n, next)
		}
		next++
		race.Wait()
	}
}
