package layertest

import (
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/layer"
)

var sendCases = []Case{
	{
		Name:    "send",
		Promise: "A message sent to a channel arrives there, and nowhere else, with its type and every key.",
		Limit:   usual,
		run:     send,
	},
	{
		Name:    "send-gone",
		Promise: "Sending to a channel that has ended is no error.",
		Limit:   usual,
		run:     sendGone,
	},
	{
		Name:    "send-refused",
		Promise: "A message that cannot be encoded is refused at the call with a *MessageError, and nothing arrives.",
		Limit:   usual,
		run:     sendRefused,
	},
	{
		Name:    "send-copies",
		Promise: "A message is taken as it is at the call: the caller keeps its map, unchanged and free to change.",
		Limit:   usual,
		run:     sendCopies,
	},
	{
		Name:    "send-once",
		Promise: "No message is delivered twice.",
		Limit:   usual,
		run:     sendOnce,
	},
	{
		Name:    "send-concurrent",
		Promise: "Senders at work at the same time lose nothing.",
		Limit:   usual,
		run:     sendConcurrent,
	},
}

// send is a round trip on one of two channels.
func send(r *run) {
	l := r.open(Options{})
	m, other := r.channel(l), r.channel(l)
	want := layer.Message{"type": "chat.message", "text": "hello", "count": int64(3), "to": []any{"a", "b"}}
	r.send(l, m.Channel(), maps.Clone(want))
	e, err := m.Receive(r.ctx)
	if err != nil {
		r.Fatalf("waiting for the message: %v", err)
	}
	if e.Type() != want.Type() {
		r.Errorf("type %q, want %q", e.Type(), want.Type())
	}
	if diff := cmp.Diff(want, r.decode(e)); diff != "" {
		r.Errorf("what arrived (-want +got):\n%s", diff)
	}
	if got := r.drain(l, other)[0]; len(got) != 0 {
		r.Errorf("another channel got %v", got)
	}
}

// sendGone sends to a mailbox after its Close.
func sendGone(r *run) {
	l := r.open(Options{})
	m := r.channel(l)
	m.Close()
	if err := l.Send(r.ctx, m.Channel(), message(1)); err != nil {
		r.Errorf("Send: %v", err)
	}
}

// sendRefused sends what no layer can carry, directly and to a group.
func sendRefused(r *run) {
	l := r.open(Options{})
	m, group := r.channel(l), r.name("group")
	r.join(l, group, m)
	for what, msg := range map[string]layer.Message{
		"no message":       nil,
		"no type":          {"n": 1},
		"an empty type":    {"type": ""},
		"a type of bytes":  {"type": []byte("a")},
		"a type of spaces": {"type": "a\nb"},
		"a reserved key":   {"type": "a", "__asgi_channel__": "b"},
		"a chan":           {"type": "a", "value": []any{make(chan int)}},
	} {
		var refused *layer.MessageError
		if err := l.Send(r.ctx, m.Channel(), msg); !errors.As(err, &refused) {
			r.Errorf("Send of %s: %v, want a *MessageError", what, err)
		}
		if err := l.GroupSend(r.ctx, group, msg); !errors.As(err, &refused) {
			r.Errorf("GroupSend of %s: %v, want a *MessageError", what, err)
		}
	}
	if got := r.drain(l, m)[0]; len(got) != 0 {
		r.Errorf("refused messages arrived: %v", got)
	}
}

// sendCopies changes the map between two calls and after them, and looks at what
// the calls made of it; then it changes what one receiver got.
func sendCopies(r *run) {
	l := r.open(Options{})
	a, b, group := r.channel(l), r.channel(l), r.name("group")
	r.join(l, group, a, b)
	version := func(n int) layer.Message {
		return layer.Message{"type": "layertest.message", "n": int64(n), "list": []any{int64(n)}, "map": map[string]any{"n": int64(n)}}
	}
	msg := version(1)
	change := func(n int) {
		msg["n"] = int64(n)
		msg["list"].([]any)[0] = int64(n)
		msg["map"].(map[string]any)["n"] = int64(n)
	}
	r.send(l, a.Channel(), msg)
	if diff := cmp.Diff(version(1), msg); diff != "" {
		r.Errorf("the caller's map after Send (-want +got):\n%s", diff)
	}
	change(2)
	r.groupSend(l, group, msg)
	if diff := cmp.Diff(version(2), msg); diff != "" {
		r.Errorf("the caller's map after GroupSend (-want +got):\n%s", diff)
	}
	change(3)

	got := r.drain(l, a)[0]
	if diff := cmp.Diff([]layer.Message{version(1), version(2)}, got); diff != "" {
		r.Fatalf("what the first received (-want +got):\n%s", diff)
	}
	got[1]["list"].([]any)[0] = "changed"
	got[1]["map"].(map[string]any)["n"] = "changed"
	if diff := cmp.Diff([]layer.Message{version(2)}, r.drain(l, b)[0]); diff != "" {
		r.Errorf("what the second received (-want +got):\n%s", diff)
	}
}

// sendOnce sends many, both ways, and looks for any number that comes again.
func sendOnce(r *run) {
	const n = 300
	l := r.open(Options{})
	m, group := r.channel(l), r.name("group")
	r.join(l, group, m)
	for i := range n {
		r.send(l, m.Channel(), message(i))
		r.groupSend(l, group, message(n+i))
	}
	seen := make(map[int]int)
	for _, i := range r.numbers(l, m)[0] {
		if seen[i]++; seen[i] == 2 {
			r.Errorf("message %d came more than once", i)
		}
	}
}

// sendConcurrent has eight senders fill a channel and a group's members.
func sendConcurrent(r *run) {
	const senders, each = 8, 5
	l := r.open(Options{})
	ms, group := r.channels(l, 3), r.name("group")
	r.join(l, group, ms[1:]...)
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				if err := l.Send(r.ctx, ms[0].Channel(), message(s*each+i)); err != nil {
					r.Errorf("Send: %v", err)
				}
				if err := l.GroupSend(r.ctx, group, message(s*each+i)); err != nil {
					r.Errorf("GroupSend: %v", err)
				}
			}
		})
	}
	wg.Wait()
	want := make([]int, senders*each)
	for i := range want {
		want[i] = i
	}
	for i, got := range r.numbers(l, ms...) {
		slices.Sort(got)
		if diff := cmp.Diff(want, slices.Compact(got)); diff != "" {
			r.Errorf("channel %d received (-want +got):\n%s", i, diff)
		}
	}
}
