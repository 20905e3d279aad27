package consumertest_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/testing/consumertest"
)

func TestChannelReceives(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	c := consumertest.NewChannel(t, l, "drivers", "trip.7")
	ctx := t.Context()
	message := layer.Message{
		"type": "trip", "id": 7, "big": uint64(math.MaxUint64), "price": 1.0, "bytes": []byte{1}, "nan": math.NaN(),
		"list": []string{"a"}, "nothing": nil,
	}
	for _, err := range []error{
		l.GroupSend(ctx, "drivers", message), l.GroupSend(ctx, "trip.7", message), l.Send(ctx, c.Name(), message),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	c.Expect(message)
	c.Expect(message)
	got := c.Receive()
	delete(got, "nan")
	want := layer.Message{
		"type": "trip", "id": int64(7), "big": uint64(math.MaxUint64), "price": 1.0, "bytes": []byte{1},
		"list": []any{"a"}, "nothing": nil,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	c.ExpectNothing(time.Millisecond)
}

func TestChannelFailsTest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := new(layer.Memory)
		r := &recorder{TB: t}
		var c *consumertest.Channel
		wantNoFailure(t, r.run(func() { c = consumertest.NewChannel(r, l, "g") }))
		send := func(m layer.Message) {
			if err := l.GroupSend(t.Context(), "g", m); err != nil {
				t.Error(err)
			}
		}
		wantFailure(t, r.run(func() { c.Receive() }), "channel: Receive: got nothing within 6s")
		wantFailure(t, r.run(func() { c.Expect(layer.Message{"type": "x"}) }), "channel: Expect: got nothing within 6s")
		wantFailure(t, r.run(func() { c.Expect(layer.Message{"type": func() {}}) }), "channel: Expect: layer: ")
		wantFailure(t, r.run(func() { c.ExpectNothing(1, 2) }), "2 durations")
		wantNoFailure(t, r.run(func() { c.ExpectNothing() }))

		send(layer.Message{"type": "x", "n": 1})
		wantFailure(t, r.run(func() { c.Expect(layer.Message{"type": "x", "n": 1.0}) }), "mismatch (-want +got)", "int64")
		send(layer.Message{"type": "y"})
		wantFailure(t, r.run(func() { c.ExpectNothing(time.Hour) }), "channel: ExpectNothing: got map[type:y]")
		wantNoFailure(t, r.run(func() { c.Expect(layer.Message{"type": "y"}) })) // it was left there

		wantFailure(t, r.run(func() { consumertest.NewChannel(r, l, "a b") }), `NewChannel: joining "a b": group: `)
		_ = l.Close()
		wantFailure(t, r.run(func() { consumertest.NewChannel(r, l) }), "NewChannel: layer: ")
		wantFailure(t, r.run(func() { c.Receive() }), "channel: Receive: layer: ")
		wantFailure(t, r.run(func() { c.ExpectNothing() }), "channel: ExpectNothing: layer: ")
		wantNoFailure(t, r.end())
	})
}

func TestChannelIsForgottenAtTheEnd(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	r := &recorder{TB: t}
	var name string
	r.run(func() { name = consumertest.NewChannel(r, l, "g").Name() })
	wantNoFailure(t, r.end())
	if err := l.GroupAdd(context.Background(), "g", name); !errors.Is(err, layer.ErrUnknownChannel) {
		t.Errorf("the channel is still there: %v", err)
	}
}
