package layertest

import (
	"sync"

	"github.com/gochannels/channels/layer"
)

var orderCases = []Case{
	{
		Name:    "order",
		Promise: "What one sender sends to a channel arrives in the order it was sent, whatever other senders do.",
		Limit:   usual,
		run:     order,
	},
	{
		Name:    "order-group",
		Promise: "What one sender sends to a group and to a member itself arrives there in the order it was sent.",
		Limit:   usual,
		run:     orderGroup,
	},
}

// order has one sender work alone, then four at once.
func order(r *run) {
	const senders, each = 4, 100
	l := r.open(Options{})
	m := r.channel(l)
	sender := func(s int) {
		for i := range each {
			msg := message(i)
			msg["sender"] = s
			if err := l.Send(r.ctx, m.Channel(), msg); err != nil {
				r.Errorf("Send: %v", err)
			}
		}
	}
	sender(0)
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() { sender(1 + s) })
	}
	wg.Wait()
	r.ascending(r.drain(l, m)[0])
}

// orderGroup alternates between a group and one of its members.
func orderGroup(r *run) {
	const pairs = 60
	l := r.open(Options{})
	m, group := r.channel(l), r.name("group")
	r.join(l, group, m)
	for i := range pairs {
		r.groupSend(l, group, message(2*i))
		r.send(l, m.Channel(), message(2*i+1))
	}
	r.ascending(r.drain(l, m)[0])
}

// ascending checks that each sender's numbers never go back.
func (r *run) ascending(msgs []layer.Message) {
	r.Helper()
	last := make(map[any]int)
	for _, msg := range msgs {
		s, n := msg["sender"], number(msg)
		if n < last[s] {
			r.Errorf("sender %v's message %d came after %d", s, n, last[s])
		}
		last[s] = n
	}
	if len(msgs) == 0 {
		r.Error("nothing arrived")
	}
}
