package layertest

import (
	"fmt"
	"maps"
	"sync"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/layer"
)

var twoSendCases = []Case{
	{
		Name:    "send",
		Promise: "A message sent to a channel of another process arrives there, and nowhere else, with its type and every key.",
		Limit:   usual,
		run:     twoSend,
	},
	{
		Name:    "send-gone",
		Promise: "Sending to a channel of another process that has ended is no error, and harms no other.",
		Limit:   usual,
		run:     twoSendGone,
	},
	{
		Name:    "send-once",
		Promise: "What two processes send at the same time, to channels and to a group, arrives once each, in both.",
		Limit:   usual,
		run:     twoSendOnce,
	},
	{
		Name:    "order",
		Promise: "What one process sends to a channel, or to a group, arrives in the other in the order it was sent, whatever else is sent.",
		Limit:   usual,
		run:     twoOrder,
	},
	{
		Name:    "values",
		Promise: "Values survive the way between processes as they are: integers to the limits of int64 and uint64, floats, bytes, nil, text, lists and maps.",
		Limit:   usual,
		run:     twoValues,
	},
	{
		Name:    "values-large",
		Promise: "A message of a megabyte arrives in another process.",
		Limit:   usual,
		run:     twoValuesLarge,
	},
}

// twoSend sends each way to one of two channels.
func twoSend(r *run) {
	ls := r.both(Options{})
	for i, from := range ls {
		m, sibling, own := r.channel(ls[1-i]), r.channel(ls[1-i]), r.channel(from)
		want := layer.Message{"type": "chat.message", "text": "hello", "count": int64(3), "to": []any{"a", "b"}}
		r.send(from, m.Channel(), maps.Clone(want))
		got := r.drainSends(ls[i:i+1], m, sibling, own)
		if diff := cmp.Diff([][]layer.Message{{want}, nil, nil}, got); diff != "" {
			r.Errorf("sent %s; received by the channel, by another there, by one here (-want +got):\n%s", where[i], diff)
		}
	}
}

// twoSendGone closes one of two channels, and sends to it.
func twoSendGone(r *run) {
	ls := r.both(Options{})
	for i, from := range ls {
		gone, live := r.channel(ls[1-i]), r.channel(ls[1-i])
		r.send(from, gone.Channel(), message(1))
		gone.Close()
		if err := from.Send(r.ctx, gone.Channel(), message(2)); err != nil {
			r.Errorf("Send %s: %v", where[i], err)
		}
		r.send(from, live.Channel(), message(3))
		if diff := cmp.Diff([]int{3}, sorted(r.drainSends(ls[i:i+1], live)[0])); diff != "" {
			r.Errorf("sent %s to another (-want +got):\n%s", where[i], diff)
		}
	}
}

// twoSendOnce has both processes send to a channel in the other and to a group of both.
func twoSendOnce(r *run) {
	const n = 60
	ls := r.both(Options{})
	group := r.name("group")
	ms := []*layer.Mailbox{r.channel(ls[0]), r.channel(ls[1])}
	for i, l := range ls {
		r.join(l, group, ms[i])
	}
	var wg sync.WaitGroup
	for i, l := range ls {
		wg.Go(func() {
			for k := range n {
				if err := l.Send(r.ctx, ms[1-i].Channel(), message(k)); err != nil {
					r.Errorf("Send: %v", err)
				}
				if err := l.GroupSend(r.ctx, group, message((1+i)*n+k)); err != nil {
					r.Errorf("GroupSend: %v", err)
				}
			}
		})
	}
	wg.Wait()
	var want []int
	for k := range 3 * n {
		want = append(want, k)
	}
	got := r.drainGroup(ls[:], group, ms...)
	for i, rest := range r.drainSends(ls[:], ms...) {
		if diff := cmp.Diff(want, sorted(append(got[i], rest...))); diff != "" {
			r.Errorf("received %s (-want +got):\n%s", where[i], diff)
		}
	}
}

// twoOrder has both processes send to the other's channel and to a group, each in one goroutine.
func twoOrder(r *run) {
	const n = 60
	ls := r.both(Options{})
	group := r.name("group")
	ms := []*layer.Mailbox{r.channel(ls[0]), r.channel(ls[1])}
	for i, l := range ls {
		r.join(l, group, ms[i])
	}
	var wg sync.WaitGroup
	sends := func(from int, way string, send func(layer.Message) error) {
		wg.Go(func() {
			for k := range n {
				msg := message(k)
				msg["sender"] = fmt.Sprintf("%s, by %s,", where[from], way)
				if err := send(msg); err != nil {
					r.Errorf("%s: %v", way, err)
				}
			}
		})
	}
	for i, l := range ls {
		sends(i, "Send", func(msg layer.Message) error { return l.Send(r.ctx, ms[1-i].Channel(), msg) })
		sends(i, "GroupSend", func(msg layer.Message) error { return l.GroupSend(r.ctx, group, msg) })
	}
	wg.Wait()
	got := r.drainGroup(ls[:], group, ms...)
	for i, rest := range r.drainSends(ls[:], ms...) {
		r.ascending(append(got[i], rest...))
	}
}

func twoValues(r *run)      { r.eachWay(r.valuesFrom) }
func twoValuesLarge(r *run) { r.eachWay(r.valuesLargeFrom) }

// eachWay calls f with a layer that sends and a channel and a group of the other process.
func (r *run) eachWay(f func(from layer.ChannelLayer, m *layer.Mailbox, group string)) {
	r.Helper()
	ls := r.both(Options{})
	for i, from := range ls {
		m, group := r.channel(ls[1-i]), r.name("group"+where[i])
		r.join(ls[1-i], group, m)
		f(from, m, group)
	}
}
