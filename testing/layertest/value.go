package layertest

import (
	"errors"
	"math"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gochannels/channels/layer"
)

var valueCases = []Case{
	{
		Name:    "values",
		Promise: "Values survive as they are: integers to the limits of int64 and uint64, floats, bytes, nil, text, lists and maps.",
		Limit:   usual,
		run:     values,
	},
	{
		Name:    "values-large",
		Promise: "A message of a megabyte arrives.",
		Limit:   usual,
		run:     valuesLarge,
	},
}

// value is what a message may hold, and what arrives.
type value struct {
	what       string
	send, want any
}

// valueTable has those with bytes last.
func valueTable() (without, with []value) {
	without = []value{
		{"nil", nil, nil},
		{"true", true, true},
		{"false", false, false},
		{"zero", 0, int64(0)},
		{"the least int64", int64(math.MinInt64), int64(math.MinInt64)},
		{"the greatest int64", int64(math.MaxInt64), int64(math.MaxInt64)},
		{"the least beyond int64", uint64(1 << 63), uint64(1 << 63)},
		{"the greatest uint64", uint64(math.MaxUint64), uint64(math.MaxUint64)},
		{"a small unsigned integer", uint8(7), int64(7)},
		{"beyond a float's integers", int64(1<<53 + 1), int64(1<<53 + 1)},
		{"a whole float", 1.0, 1.0},
		{"a float", 0.1, 0.1},
		{"a float beyond integers", 1e21, 1e21},
		{"the greatest float", math.MaxFloat64, math.MaxFloat64},
		{"the least float", math.SmallestNonzeroFloat64, math.SmallestNonzeroFloat64},
		{"NaN", math.NaN(), math.NaN()},
		{"Inf", math.Inf(1), math.Inf(1)},
		{"-Inf", math.Inf(-1), math.Inf(-1)},
		{"no text", "", ""},
		{"text", "grüß' dich, 世界 🚕 \u2028 <&> \" \\ \x00 \u007f", "grüß' dich, 世界 🚕 \u2028 <&> \" \\ \x00 \u007f"},
		{"an empty list", []any{}, []any{}},
		{"an empty map", map[string]any{}, map[string]any{}},
		{"a map with an empty key", map[string]any{"": "x"}, map[string]any{"": "x"}},
		{"typed lists and maps", map[string][]string{"a": {"b"}}, map[string]any{"a": []any{"b"}}},
		{
			"a nest",
			[]any{map[string]any{"a": []any{[]any{nil, 1.0, int64(1), "b", map[string]any{}}}}},
			[]any{map[string]any{"a": []any{[]any{nil, 1.0, int64(1), "b", map[string]any{}}}}},
		},
	}
	with = []value{
		{"no bytes", []byte{}, []byte{}},
		{"bytes", []byte("\x00\xff\xfe text"), []byte("\x00\xff\xfe text")},
		{
			"bytes in a nest",
			[]any{map[string]any{"a": []any{[]any{nil, []byte("b")}}}},
			[]any{map[string]any{"a": []any{[]any{nil, []byte("b")}}}},
		},
	}
	return without, with
}

// values is valuesFrom on one layer.
func values(r *run) {
	l := r.open(Options{})
	m, group := r.channel(l), r.name("group")
	r.join(l, group, m)
	r.valuesFrom(l, m, group)
	if !r.named(l) {
		return
	}
	carried, with := valueTable()
	if !r.noBytes {
		carried = append(carried, with...)
	}
	for _, v := range carried {
		channel := r.name("values")
		r.send(l, channel, layer.Message{"type": "layertest.value", "value": v.send})
		if diff := cmp.Diff(v.want, r.receiveNamed(l, channel)["value"], cmpopts.EquateNaNs()); diff != "" {
			r.Errorf("%s by a named channel (-want +got):\n%s", v.what, diff)
		}
	}
}

// valuesFrom sends m one message a value, directly and through a group.
func (r *run) valuesFrom(l layer.ChannelLayer, m *layer.Mailbox, group string) {
	r.Helper()
	carried, refused := valueTable()
	if !r.noBytes {
		carried, refused = append(carried, refused...), nil
	}
	for _, v := range refused {
		msg := layer.Message{"type": "layertest.value", "value": v.send}
		var want *layer.MessageError
		if err := l.Send(r.ctx, m.Channel(), msg); !errors.As(err, &want) {
			r.Errorf("Send of %s: %v, want a *MessageError", v.what, err)
		}
		if err := l.GroupSend(r.ctx, group, msg); !errors.As(err, &want) {
			r.Errorf("GroupSend of %s: %v, want a *MessageError", v.what, err)
		}
	}
	for _, v := range carried {
		msg := layer.Message{"type": "layertest.value", "value": v.send}
		for _, way := range []string{"Send", "GroupSend"} {
			if way == "Send" {
				r.send(l, m.Channel(), msg)
			} else {
				r.groupSend(l, group, msg)
			}
			got := r.receive(m)
			if diff := cmp.Diff(v.want, got["value"], cmpopts.EquateNaNs()); diff != "" {
				r.Errorf("%s by %s (-want +got):\n%s", v.what, way, diff)
			}
		}
	}
}

// valuesLarge is valuesLargeFrom on one layer.
func valuesLarge(r *run) {
	l := r.open(Options{})
	m, group := r.channel(l), r.name("group")
	r.join(l, group, m)
	r.valuesLargeFrom(l, m, group)
}

// valuesLargeFrom sends m a text of a mebibyte, directly and through a group.
func (r *run) valuesLargeFrom(l layer.ChannelLayer, m *layer.Mailbox, group string) {
	r.Helper()
	text := strings.Repeat("0123456789abcdef", 1<<16)
	msg := layer.Message{"type": "layertest.large", "text": text}
	r.send(l, m.Channel(), msg)
	if r.receive(m)["text"] != text {
		r.Error("the text changed on its way")
	}
	r.groupSend(l, group, msg)
	e, err := m.Receive(r.ctx)
	if err != nil {
		r.Fatalf("waiting for the group's message: %v", err)
	}
	if e.Size() < len(text) {
		r.Errorf("the group's message has %d bytes, its text alone has %d", e.Size(), len(text))
	}
}
