package layertest

import (
	"context"
	"errors"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/layer"
)

var endCases = []Case{
	{
		Name:    "context",
		Promise: "A call whose ctx has ended returns its error and does nothing.",
		Limit:   usual,
		run:     contextEnded,
	},
	{
		Name:    "flush",
		Promise: "Flush forgets all queued messages and memberships; channels stay open.",
		Limit:   usual,
		run:     flush,
	},
	{
		Name:    "close-waiters",
		Promise: "Close ends every Receive with ErrClosed.",
		Limit:   usual,
		run:     closeWaiters,
	},
	{
		Name:    "close-calls",
		Promise: "After Close every call answers ErrClosed, and a second Close is no error.",
		Limit:   usual,
		run:     closeCalls,
	},
}

// contextEnded makes every call with a cancelled ctx and looks for its effect.
func contextEnded(r *run) {
	l := r.open(Options{})
	ms, joined, not := r.channels(l, 2), r.name("joined"), r.name("not")
	r.join(l, joined, ms[0])
	ctx, cancel := context.WithCancel(r.ctx)
	cancel()
	if m, err := l.NewChannel(ctx); m != nil || !errors.Is(err, context.Canceled) {
		r.Errorf("NewChannel: %v, %v; want no mailbox and context.Canceled", m, err)
	}
	for call, err := range map[string]error{
		"Send":         l.Send(ctx, ms[0].Channel(), message(1)),
		"GroupSend":    l.GroupSend(ctx, joined, message(2)),
		"GroupAdd":     l.GroupAdd(ctx, not, ms[1].Channel()),
		"GroupDiscard": l.GroupDiscard(ctx, joined, ms[0].Channel()),
	} {
		if !errors.Is(err, context.Canceled) {
			r.Errorf("%s: %v, want context.Canceled", call, err)
		}
	}
	r.groupSend(l, joined, message(3))
	r.groupSendNobody(l, not, message(4))
	r.send(l, ms[1].Channel(), message(5))
	if err := layer.Flush(ctx, l); !errors.Is(err, context.Canceled) && !errors.Is(err, errors.ErrUnsupported) {
		r.Errorf("Flush: %v, want context.Canceled", err)
	}
	if diff := cmp.Diff([][]int{{3}, {5}}, r.numbers(l, ms...)); diff != "" {
		r.Errorf("received by each (-want +got):\n%s", diff)
	}
}

// flush empties channels and groups of a layer that offers it.
func flush(r *run) {
	l := r.open(Options{})
	m, group := r.channel(l), r.name("group")
	r.join(l, group, m)
	r.send(l, m.Channel(), message(1))
	r.groupSend(l, group, message(2))
	named, channel := r.named(l), r.name("jobs")
	if named {
		r.send(l, channel, message(1))
		if err := l.GroupAdd(r.ctx, group, channel); err != nil {
			r.Fatalf("GroupAdd of a named channel: %v", err)
		}
	}
	err := layer.Flush(r.ctx, l)
	if errors.Is(err, errors.ErrUnsupported) {
		return
	}
	if err != nil {
		r.Fatalf("Flush: %v", err)
	}
	if got := r.numbers(l, m)[0]; len(got) != 0 {
		r.Errorf("received %v, sent before Flush", got)
	}
	r.groupSendNobody(l, group, message(3))
	if got := r.numbers(l, m)[0]; len(got) != 0 {
		r.Errorf("received %v as a member; joined before Flush", got)
	}
	if named {
		r.send(l, channel, message(5))
		if got := number(r.receiveNamed(l, channel)); got != 5 {
			r.Errorf("a named channel still held message %d", got)
		}
	}
	r.join(l, group, m)
	r.groupSend(l, group, message(4))
	if diff := cmp.Diff([]int{4}, r.numbers(l, m)[0]); diff != "" {
		r.Errorf("received as a member again (-want +got):\n%s", diff)
	}
}

// closeWaiters closes the layer under two receivers of a mailbox and, where there
// are any, two of a named channel.
func closeWaiters(r *run) {
	l := r.open(Options{})
	m, channel := r.channel(l), r.name("jobs")
	receivers := []func(context.Context) (layer.Envelope, error){m.Receive, m.Receive}
	if r.named(l) {
		receive := func(ctx context.Context) (layer.Envelope, error) { return layer.Receive(ctx, l, channel) }
		receivers = append(receivers, receive, receive)
	}
	ended := make(chan error, len(receivers))
	for _, receive := range receivers {
		go func() {
			_, err := receive(r.ctx)
			ended <- err
		}()
	}
	r.pause(beat)
	if err := l.Close(); err != nil {
		r.Errorf("Close: %v", err)
	}
	for range receivers {
		if err := <-ended; !errors.Is(err, layer.ErrClosed) {
			r.Errorf("Receive ended with %v, want ErrClosed", err)
		}
	}
}

// closeCalls makes every call on a closed layer.
func closeCalls(r *run) {
	l := r.open(Options{})
	m, group := r.channel(l), r.name("group")
	r.join(l, group, m)
	for _, time := range []string{"first", "second"} {
		if err := l.Close(); err != nil {
			r.Errorf("the %s Close: %v", time, err)
		}
	}
	if m, err := l.NewChannel(r.ctx); m != nil || !errors.Is(err, layer.ErrClosed) {
		r.Errorf("NewChannel: %v, %v; want no mailbox and ErrClosed", m, err)
	}
	for call, err := range map[string]error{
		"Send":         l.Send(r.ctx, m.Channel(), message(1)),
		"GroupSend":    l.GroupSend(r.ctx, group, message(2)),
		"GroupAdd":     l.GroupAdd(r.ctx, group, m.Channel()),
		"GroupDiscard": l.GroupDiscard(r.ctx, group, m.Channel()),
	} {
		if !errors.Is(err, layer.ErrClosed) {
			r.Errorf("%s: %v, want ErrClosed", call, err)
		}
	}
	if _, err := layer.Receive(r.ctx, l, r.name("jobs")); !errors.Is(err, layer.ErrClosed) && !errors.Is(err, errors.ErrUnsupported) {
		r.Errorf("Receive: %v, want ErrClosed", err)
	}
	if err := layer.Flush(r.ctx, l); !errors.Is(err, layer.ErrClosed) && !errors.Is(err, errors.ErrUnsupported) {
		r.Errorf("Flush: %v, want ErrClosed", err)
	}
}
