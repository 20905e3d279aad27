package layertest

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/gochannels/channels/layer"
)

// run is a case under way: its test, its deadline, and the verbs cases are
// written in. Verbs whose failure leaves nothing to check end the case; they
// must be called from the case's own goroutine.
type run struct {
	testing.TB
	ctx      context.Context //nolint:containedctx // lives as long as the case
	newLayer func(t testing.TB, o Options) layer.ChannelLayer
	two      *twoRun // of a case for two processes, instead of newLayer
	tag      string
	noBytes  bool
}

// open makes a layer and closes it when the test ends.
func (r *run) open(o Options) layer.ChannelLayer {
	r.Helper()
	l := r.newLayer(r.TB, o)
	if l == nil {
		r.Fatal("the factory returned no layer")
	}
	r.closeLater("the layer", func() { _ = l.Close() })
	return l
}

// closeLater closes something when the test ends, and gives up on what hangs.
func (r *run) closeLater(what string, end func()) {
	tb := r.TB.(*attempt).TB
	r.Cleanup(func() {
		done := make(chan struct{})
		go func() {
			defer close(done)
			end()
		}()
		late := time.NewTimer(closing)
		defer late.Stop()
		select {
		case <-done:
		case <-late.C:
			tb.Errorf("the Close of %s has not returned after %v", what, closing)
		}
	})
}

const closing = 5 * time.Second

// name makes base a name that no other case and no other run of the suite uses.
func (r *run) name(base string) string { return base + "." + r.tag }

func (r *run) channel(l layer.ChannelLayer) *layer.Mailbox {
	r.Helper()
	m, err := l.NewChannel(r.ctx)
	if err != nil {
		r.Fatalf("NewChannel: %v", err)
	}
	if m == nil {
		r.Fatal("NewChannel returned no mailbox and no error")
	}
	r.closeLater("a mailbox", m.Close)
	return m
}

func (r *run) channels(l layer.ChannelLayer, n int) []*layer.Mailbox {
	r.Helper()
	ms := make([]*layer.Mailbox, n)
	for i := range ms {
		ms[i] = r.channel(l)
	}
	return ms
}

func (r *run) join(l layer.ChannelLayer, group string, ms ...*layer.Mailbox) {
	r.Helper()
	for _, m := range ms {
		if err := l.GroupAdd(r.ctx, group, m.Channel()); err != nil {
			r.Fatalf("GroupAdd: %v", err)
		}
	}
}

func (r *run) leave(l layer.ChannelLayer, group string, ms ...*layer.Mailbox) {
	r.Helper()
	for _, m := range ms {
		if err := l.GroupDiscard(r.ctx, group, m.Channel()); err != nil {
			r.Fatalf("GroupDiscard: %v", err)
		}
	}
}

func (r *run) send(l layer.ChannelLayer, channel string, msg layer.Message) {
	r.Helper()
	if err := l.Send(r.ctx, channel, msg); err != nil {
		r.Fatalf("Send: %v", err)
	}
}

func (r *run) groupSend(l layer.ChannelLayer, group string, msg layer.Message) {
	r.Helper()
	if err := l.GroupSend(r.ctx, group, msg); err != nil {
		r.Fatalf("GroupSend: %v", err)
	}
}

// groupSendNobody sends to a group that should have no member any more. Whether
// that may be an error is group-nobody's affair.
func (r *run) groupSendNobody(l layer.ChannelLayer, group string, msg layer.Message) {
	r.Helper()
	if err := l.GroupSend(r.ctx, group, msg); err != nil {
		r.Logf("GroupSend to nobody: %v", err)
	}
}

// receive waits for m's next message.
func (r *run) receive(m *layer.Mailbox) layer.Message {
	r.Helper()
	e, err := m.Receive(r.ctx)
	if err != nil {
		r.Fatalf("waiting for a message: %v", err)
	}
	return r.decode(e)
}

// receiveNamed waits for the next message of a named channel.
func (r *run) receiveNamed(l layer.ChannelLayer, channel string) layer.Message {
	r.Helper()
	e, err := layer.Receive(r.ctx, l, channel)
	if err != nil {
		r.Fatalf("waiting for a message of a named channel: %v", err)
	}
	return r.decode(e)
}

func (r *run) decode(e layer.Envelope) layer.Message {
	r.Helper()
	msg, err := e.Message()
	if err != nil {
		r.Fatalf("decoding what was received: %v", err)
	}
	return msg
}

// drain returns what each mailbox holds, in order. It sends every mailbox one
// more message and reads until that arrives, so that what is still on its way
// from this sender is found, and what is not found did not come.
func (r *run) drain(l layer.ChannelLayer, ms ...*layer.Mailbox) [][]layer.Message {
	r.Helper()
	got := make([][]layer.Message, len(ms))
	for i, m := range ms {
		for e, ok := m.TryReceive(); ok; e, ok = m.TryReceive() {
			got[i] = append(got[i], r.decode(e))
		}
	}
	for i, m := range ms {
		fence := rand.Text()
		r.send(l, m.Channel(), layer.Message{"type": "layertest.fence", "fence": fence})
		for {
			msg := r.receive(m)
			if msg["fence"] == fence {
				break
			}
			got[i] = append(got[i], msg)
		}
	}
	return got
}

// numbers drains the mailboxes and returns their messages' numbers.
func (r *run) numbers(l layer.ChannelLayer, ms ...*layer.Mailbox) [][]int {
	r.Helper()
	got := make([][]int, len(ms))
	for i, msgs := range r.drain(l, ms...) {
		for _, msg := range msgs {
			got[i] = append(got[i], number(msg))
		}
	}
	return got
}

// message is a message that carries a number; number finds it again and is -1
// where there is none.
func message(n int) layer.Message {
	return layer.Message{"type": "layertest.message", "n": n}
}

func number(msg layer.Message) int {
	if n, ok := msg["n"].(int64); ok {
		return int(n)
	}
	return -1
}

// named reports whether l offers named channels. A layer that does not must
// answer errors.ErrUnsupported, and may be a wrapper that asks another one.
func (r *run) named(l layer.ChannelLayer) bool {
	r.Helper()
	_, err := layer.Receive(r.ctx, l, "no name")
	if errors.Is(err, errors.ErrUnsupported) {
		return false
	}
	if _, ok := l.(layer.Listener); !ok {
		r.Fatalf("Receive on a layer that is no Listener: %v, want errors.ErrUnsupported", err)
	}
	return true
}

// settled waits until the layer's counters satisfy ok, as a layer over a broker
// learns late what became of a message. A layer that is not Counted has nothing
// to wait for.
func (r *run) settled(l layer.ChannelLayer, what string, ok func(layer.Stats) bool) {
	r.Helper()
	if s, settled := r.tryUntil(l, ok); !settled {
		r.Fatalf("waiting for counters that show %s; they stay at %+v", what, s)
	}
}

// tryUntil is settled for who has more to say about the failure.
func (r *run) tryUntil(l any, ok func(layer.Stats) bool) (s layer.Stats, settled bool) {
	c, counted := l.(layer.Counted)
	if !counted {
		return s, true
	}
	for {
		if s = c.Stats(); ok(s) {
			return s, true
		}
		if !r.pause(beat) {
			return s, false
		}
	}
}

// pause lets time pass, in real time unless the case runs in a bubble, and
// reports whether the case's time is not up yet.
func (r *run) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.ctx.Done():
		return false
	}
}
