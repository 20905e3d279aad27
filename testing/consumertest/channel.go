package consumertest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/layer"
)

// A Channel receives from a channel layer as a consumer does, without a
// connection: to see what a consumer or a worker sends to a group. Its methods
// are for the goroutine that runs the test.
type Channel struct {
	t       testing.TB
	mailbox *layer.Mailbox
	held    *layer.Envelope // taken by ExpectNothing, and not received yet
}

// NewChannel opens a channel of l that is a member of these groups, until the
// test ends. The test fails if l does not do that.
func NewChannel(t testing.TB, l layer.ChannelLayer, groups ...string) *Channel {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), defaultTimeout)
	defer cancel()
	c := &Channel{t: t}
	mailbox, err := l.NewChannel(ctx)
	if err != nil {
		t.Fatalf("NewChannel: %v", err)
		return c
	}
	t.Cleanup(mailbox.Close)
	c.mailbox = mailbox
	for _, group := range groups {
		if err := l.GroupAdd(ctx, group, mailbox.Channel()); err != nil {
			t.Fatalf("NewChannel: joining %q: %v", group, err)
			return c
		}
	}
	return c
}

// Name returns the channel's name, to send to it or to add it to a group.
func (c *Channel) Name() string { return c.mailbox.Channel() }

// Expect receives a message and fails the test, with a diff, unless it is want,
// which is first encoded and decoded as the layer would.
func (c *Channel) Expect(want layer.Message) {
	c.t.Helper()
	sent, err := layer.Encode(want)
	if err == nil {
		want, err = sent.Message()
	}
	if err != nil {
		c.t.Fatalf("channel: Expect: %v", err)
		return
	}
	got, ok := c.receive("Expect")
	if !ok {
		return
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(sameFloat)); diff != "" {
		c.t.Fatalf("channel: Expect: mismatch (-want +got):\n%s", diff)
	}
}

// sameFloat takes a NaN for the same as another.
func sameFloat(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }

// Receive receives a message, and fails the test if there is none for 6 seconds.
func (c *Channel) Receive() layer.Message {
	c.t.Helper()
	m, _ := c.receive("Receive")
	return m
}

func (c *Channel) receive(op string) (layer.Message, bool) {
	c.t.Helper()
	e, err := c.next(defaultTimeout)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("got nothing within %v", defaultTimeout)
	}
	var m layer.Message
	if err == nil {
		m, err = e.Message()
	}
	if err != nil {
		c.t.Fatalf("channel: %s: %v", op, err)
		return nil, false
	}
	return m, true
}

// ExpectNothing fails the test if a message arrives, or has arrived and was not
// received yet, within d, which is 100 milliseconds when it isn't given.
func (c *Channel) ExpectNothing(d ...time.Duration) {
	c.t.Helper()
	wait, ok := quietTime(d)
	if !ok {
		c.t.Fatalf("channel: ExpectNothing: %d durations, want at most one", len(d))
		return
	}
	e, err := c.next(wait)
	switch {
	case err == nil:
		c.held = &e
		m, err := e.Message()
		if err != nil {
			c.t.Fatalf("channel: ExpectNothing: %v", err)
			return
		}
		c.t.Fatalf("channel: ExpectNothing: got %v", m)
	case !errors.Is(err, context.DeadlineExceeded):
		c.t.Fatalf("channel: ExpectNothing: %v", err)
	}
}

func (c *Channel) next(d time.Duration) (layer.Envelope, error) {
	if held := c.held; held != nil {
		c.held = nil
		return *held, nil
	}
	if e, ok := c.mailbox.TryReceive(); ok {
		return e, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return c.mailbox.Receive(ctx)
}
