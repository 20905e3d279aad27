package interop_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/layer"
)

// inEveryFormat are values that any configuration carries.
func inEveryFormat() map[string]any {
	var nested any = []any{[]any{[]any{"the bottom"}}}
	for range 40 {
		nested = map[string]any{"in": nested}
	}
	var numbers []any
	for i := range 300 {
		numbers = append(numbers, int64(i-150))
	}
	return map[string]any{
		"nothing":      nil,
		"bools":        []any{true, false},
		"small":        numbers,
		"int32":        []any{int64(math.MaxInt32), int64(math.MinInt32), int64(math.MaxUint32), int64(1 << 32)},
		"2^53":         []any{int64(1<<53 - 1), int64(1 << 53), int64(1<<53 + 1)},
		"int64":        []any{int64(math.MaxInt64), int64(math.MinInt64)},
		"uint64":       uint64(math.MaxUint64),
		"floats":       []any{0.5, 1.0, 0.0, -2.0, 0.1, 1e-7, 1e16, 1e22, math.MaxFloat64, math.SmallestNonzeroFloat64},
		"unicode":      "é ☃ 𝄞 日本語 \u2028 <&> \x00 \x7f \\ \" /",
		"keys":         map[string]any{"": "empty", "é": "☃", "a b": 1.5, "__proto__": "x"},
		"empty":        []any{"", []any{}, map[string]any{}},
		"nested":       nested,
		"a mebibyte":   strings.Repeat("0123456789abc☃", 1<<16),
		"long strings": []any{strings.Repeat("x", 31), strings.Repeat("x", 32), strings.Repeat("x", 255), strings.Repeat("x", 65536)},
	}
}

// inMsgpack are values that the JSON serializer of Python refuses or that are no JSON.
func inMsgpack() map[string]any {
	return map[string]any{
		"bytes":               []byte("\x00\xff\x80abc"),
		"empty bytes":         []byte{},
		"bytes in a list":     []any{[]byte("a"), "a"},
		"a mebibyte of bytes": []byte(strings.Repeat("\xfe\x00", 1<<19)),
		"not finite":          []any{math.NaN(), math.Inf(1), math.Inf(-1)},
	}
}

// TestValues sends values of every sort both ways, and each is what it was.
func TestValues(t *testing.T) {
	t.Parallel()
	for _, k := range kinds {
		for _, s := range settings {
			for _, version := range []string{oldest, latest} {
				if s.shards > 1 || s.prefix != "" || !s.speaks(k, version) {
					continue
				}
				t.Run(k.name+"/"+s.name+"/"+version, func(t *testing.T) {
					t.Parallel()
					e := newSite(t, k, s)
					testValues(t, e, e.python(t, sharedPeer(t, version)))
				})
			}
		}
	}
}

func testValues(t *testing.T, e *site, py *pythonLayer) {
	values := inEveryFormat()
	if e.setting.format != "json" {
		for name, v := range inMsgpack() {
			values[name] = v
		}
	}
	l := e.layer(t)
	inGo, inPython := joinGo(t, l, e.kind.group), py.join(t, e.kind.group)
	for name, v := range values {
		msg := layer.Message{"type": "test.value", "name": name, "value": v}
		for sender, send := range map[string]func(){
			"Go": func() {
				if err := l.GroupSend(t.Context(), e.kind.group, msg); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			},
			"Python": func() {
				py.ask(t, "group_send", args{"group": e.kind.group, "message": map[string]any(msg)})
			},
		} {
			send()
			for receiver, m := range map[string]*member{"Go": inGo, "Python": inPython} {
				got := m.take(t, 1)
				// Not cmp.Diff, which takes for ever on what is deeply nested.
				if len(got) != 1 || !same(map[string]any(got[0]), map[string]any(msg)) {
					t.Fatalf("%s, from %s to %s: got %.300v, want %.300v", name, sender, receiver, got, msg)
				}
			}
		}
	}
}

// TestPoison has Python send what Go cannot take: it is lost, and nothing else is.
func TestPoison(t *testing.T) {
	t.Parallel()
	for _, k := range kinds {
		for _, s := range []setting{usual, inJSON} {
			t.Run(k.name+"/"+s.name, func(t *testing.T) {
				t.Parallel()
				e := newSite(t, k, s)
				l := e.layer(t)
				py := e.python(t, sharedPeer(t, latest))
				first, second := joinGo(t, l, k.group), joinGo(t, l, k.group)
				poison := []any{
					[]any{"no", "dict"},
					"text",
					int64(5),
					nil,
					map[string]any{"type": int64(5)},
					map[string]any{"type": []any{}},
					map[string]any{"type": "test.message", "deep": map[string]any{"$deep": int64(300)}},
				}
				for i, p := range poison {
					if _, isMap := p.(map[string]any); !isMap && k.name != pubsub.name {
						continue // core's group_send raises for them
					}
					py.ask(t, "group_send", args{"group": k.group, "message": p})
					py.ask(t, "group_send", args{"group": k.group, "message": args{"type": "test.message", "n": i}})
					for _, m := range []*member{first, second} {
						want := []layer.Message{{"type": "test.message", "n": int64(i)}}
						if diff := cmp.Diff(want, m.take(t, 1)); diff != "" {
							t.Errorf("after %.40v (-want +got):\n%.500s", p, diff)
						}
					}
				}
			})
		}
	}
}
