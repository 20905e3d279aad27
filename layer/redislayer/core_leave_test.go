package redislayer_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

// behind sends 1 and 2 to g, and returns when the layer of in, which is in g, is delivering 1 to it and goes on only when it
// is told to.
func behind(t *testing.T, sender layer.ChannelLayer, in *layer.Mailbox) (goOn func()) {
	t.Helper()
	held, hold := make(chan struct{}, 2), make(chan struct{})
	in.OnReady(func() { held <- struct{}{}; <-hold })
	goOn = sync.OnceFunc(func() { close(hold) })
	t.Cleanup(goOn)
	groupSend(t, sender, "g", 1)
	<-held
	groupSend(t, sender, "g", 2)
	return goOn
}

// What is on its way to a group when a channel is discarded reaches the channel if it was in the group, and only then.
func TestCoreDiscardGivesNothingToOthers(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	for name, c := range map[string]struct {
		in, discarded bool // before the messages were sent
		want          int
	}{
		"a member":             {in: true, want: 2},
		"one that never was":   {},
		"one that was earlier": {in: true, discarded: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := coreReady(t, coreOptions(s))
			in, box := newChannel(t, l, "g"), newChannel(t, l)
			if c.in {
				if err := l.GroupAdd(t.Context(), "g", box.Channel()); err != nil {
					t.Fatal(err)
				}
			}
			if c.discarded {
				discard(t, l, box)
			}
			goOn := behind(t, l, in)
			discard(t, l, box)
			goOn()
			until(t, soon, "the other member has both", func() bool { return in.Len() == 2 })
			until(t, soon, "all is delivered", func() bool { return l.Stats().Routed >= int64(2+c.want) })
			if got := box.Len(); got != c.want {
				t.Errorf("the channel has %d messages, want %d", got, c.want)
			}
		})
	}
}

func discard(t *testing.T, l *redislayer.Core, box *layer.Mailbox) {
	t.Helper()
	if err := l.GroupDiscard(t.Context(), "g", box.Channel()); err != nil {
		t.Fatalf("GroupDiscard: %v", err)
	}
}

// Of two discards at one time, the one that comes later changes nothing of what the other did.
func TestCoreDiscardsAtOneTime(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	p := redistest.NewProxy(t, s.Addr())
	there := coreOptions(s)
	o := *there
	o.Hosts, o.CallTimeout = []any{p.URL()}, soon
	l, sender := coreReady(t, &o), coreReady(t, there)
	in, box := newChannel(t, l, "g"), newChannel(t, l, "g")
	p.BlackholeUp(true)
	later := make(chan error, 1)
	go func() { later <- l.GroupDiscard(context.Background(), "g", box.Channel()) }()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := l.GroupDiscard(ctx, "g", box.Channel()); err == nil {
		t.Error("GroupDiscard: the server cannot have answered")
	}
	goOn := behind(t, sender, in) // box is out of the group
	p.BlackholeUp(false)
	if err := <-later; err != nil {
		t.Errorf("GroupDiscard: %v", err)
	}
	goOn()
	until(t, soon, "the other member has both", func() bool { return in.Len() == 2 })
	if got := box.Len(); got != 0 {
		t.Errorf("a channel that has left has %d messages that were sent afterwards", got)
	}
}
