package layertest

import (
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

// values sends one message a value, directly and through a group.
func values(r *run) {
	l := r.open(Options{})
	m, group := r.channel(l), r.name("group")
	r.join(l, group, m)
	for _, v := range []struct {
		what       string
		send, want any
	}{
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
		{"no bytes", []byte{}, []byte{}},
		{"bytes", []byte("\x00\xff\xfe text"), []byte("\x00\xff\xfe text")},
		{"an empty list", []any{}, []any{}},
		{"an empty map", map[string]any{}, map[string]any{}},
		{"a map with an empty key", map[string]any{"": "x"}, map[string]any{"": "x"}},
		{"typed lists and maps", map[string][]string{"a": {"b"}}, map[string]any{"a": []any{"b"}}},
		{
			"a nest",
			[]any{map[string]any{"a": []any{[]any{nil, 1.0, int64(1), []byte("b"), map[string]any{}}}}},
			[]any{map[string]any{"a": []any{[]any{nil, 1.0, int64(1), []byte("b"), map[string]any{}}}}},
		},
	} {
		msg := layer.Message{"type": "layertest.value", "value": v.send}
		r.send(l, m.Channel(), msg)
		r.groupSend(l, group, msg)
		for _, way := range []string{"Send", "GroupSend"} {
			got := r.receive(m)
			if diff := cmp.Diff(v.want, got["value"], cmpopts.EquateNaNs()); diff != "" {
				r.Errorf("%s by %s (-want +got):\n%s", v.what, way, diff)
			}
		}
	}
}

// valuesLarge sends a text of a mebibyte, directly and through a group.
func valuesLarge(r *run) {
	l := r.open(Options{})
	m, group := r.channel(l), r.name("group")
	r.join(l, group, m)
	text := strings.Repeat("0123456789abcdef", 1<<16)
	msg := layer.Message{"type": "layertest.large", "text": text}
	r.send(l, m.Channel(), msg)
	r.groupSend(l, group, msg)
	if r.receive(m)["text"] != text {
		r.Error("the text changed on its way")
	}
	e, err := m.Receive(r.ctx)
	if err != nil {
		r.Fatalf("waiting for the group's message: %v", err)
	}
	if e.Size() < len(text) {
		r.Errorf("the group's message has %d bytes, its text alone has %d", e.Size(), len(text))
	}
}
