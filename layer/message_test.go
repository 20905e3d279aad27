package layer_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/layer"
)

type colour string

type point struct {
	X   int     `json:"x"`
	Y   float64 `json:"y,omitempty"`
	Raw []byte  `json:"raw,omitempty"`
}

// TestValuesSurvive sends values through a layer, and through both encodings.
func TestValuesSurvive(t *testing.T) {
	t.Parallel()
	nested := any("deepest")
	for range 62 {
		nested = []any{nested}
	}
	tests := []struct {
		name     string
		in, want any // want is in if nil
		packed   bool
	}{
		{name: "nil", in: nil},
		{name: "true", in: true},
		{name: "zero", in: 0, want: int64(0)},
		{name: "int64 limits", in: []any{int64(math.MinInt64), int64(math.MaxInt64)}},
		{name: "beyond int64", in: uint64(math.MaxInt64 + 1)},
		{name: "uint64 limit", in: uint64(math.MaxUint64)},
		{
			name: "all integers", in: []any{int8(-8), int16(-16), int32(-32), uint8(8), uint16(16), uint32(32), uint(64)},
			want: []any{int64(-8), int64(-16), int64(-32), int64(8), int64(16), int64(32), int64(64)},
		},
		{name: "float 1.0", in: 1.0},
		{name: "float -0.0", in: math.Copysign(0, -1)},
		{name: "float limits", in: []any{math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, 0.1, 1e21, 1e20, 9007199254740993.0}},
		{name: "float32", in: float32(0.1), want: 0.1},
		{name: "NaN", in: math.NaN(), packed: true},
		{name: "infinities", in: []any{math.Inf(1), math.Inf(-1)}, packed: true},
		{name: "bytes", in: []byte("\x00\xff"), packed: true},
		{name: "no bytes", in: []byte{}, packed: true},
		{name: "nil bytes", in: []byte(nil), want: any(nil)},
		{
			name: "bytes among others", in: []any{[]byte("a"), 1.0, "x", nil, map[string]any{"f": float32(0.5)}},
			want: []any{[]byte("a"), 1.0, "x", nil, map[string]any{"f": 0.5}}, packed: true,
		},
		{name: "unicode", in: "é😀\u2028\x7f\u0000\"\\/<&>"},
		{name: "unicode key", in: map[string]any{"ключ": int64(1), "😀": "x", "": nil}},
		{name: "empty", in: []any{"", []any{}, map[string]any{}}},
		{name: "nested", in: map[string]any{"a": []any{map[string]any{"b": []any{int64(1), nil}}}}},
		{name: "deep", in: nested},
		{name: "Message", in: layer.Message{"type": "inner", "n": 1}, want: map[string]any{"type": "inner", "n": int64(1)}},
		{
			name: "typed slices", in: []any{[]int{1, 2}, []string{"a"}, [2]bool{true, false}, []colour{"red"}, []string(nil), []float32{0.25}},
			want: []any{[]any{int64(1), int64(2)}, []any{"a"}, []any{true, false}, []any{"red"}, nil, []any{0.25}},
		},
		{
			name: "typed maps", in: []any{map[string]string{"a": "b"}, map[colour]int{"red": 1}, map[int]string{7: "x"}, map[string]int(nil)},
			want: []any{map[string]any{"a": "b"}, map[string]any{"red": int64(1)}, map[string]any{"7": "x"}, nil},
		},
		{
			name: "named types", in: []any{colour("red"), time.Duration(5), layer.DropFull},
			want: []any{"red", int64(5), "full"},
		},
		{name: "struct", in: point{X: math.MaxInt64, Y: 1.5}, want: map[string]any{"x": int64(math.MaxInt64), "y": 1.5}},
		{name: "pointer to struct", in: &point{X: 1}, want: map[string]any{"x": int64(1)}},
		{name: "bytes in a struct", in: point{Raw: []byte("a")}, want: map[string]any{"x": int64(0), "raw": "YQ=="}},
		{name: "struct among bytes", in: []any{point{X: 2}, []byte("a")}, want: []any{map[string]any{"x": int64(2)}, []byte("a")}, packed: true},
		{name: "pointers", in: []any{new(int), (*int)(nil), new([]string{"a"})}, want: []any{int64(0), nil, []any{"a"}}},
		{
			name: "json.Number", in: []any{json.Number("12"), json.Number("1.0"), json.Number("18446744073709551615")},
			want: []any{int64(12), 1.0, uint64(math.MaxUint64)},
		},
		{name: "json.RawMessage", in: json.RawMessage(`{"a":[1,2.0]}`), want: map[string]any{"a": []any{int64(1), 2.0}}},
		{name: "time", in: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC), want: "2030-01-02T03:04:05Z"},
		{name: "big.Int", in: big.NewInt(7), want: int64(7)},
		{name: "nil marshaler", in: (*big.Int)(nil), want: any(nil)},
		{name: "HTML", in: []any{"<a>&</a>", struct{ S string }{"<&>"}}, want: []any{"<a>&</a>", map[string]any{"S": "<&>"}}},
		{name: "long", in: strings.Repeat("é", 10_000)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.want == nil && test.name != "nil bytes" && test.name != "nil marshaler" {
				test.want = test.in
			}
			want := layer.Message{"type": "test.value", "v": test.want}
			l := new(layer.Memory)
			box := newChannel(t, l)
			if err := l.Send(t.Context(), box.Channel(), layer.Message{"type": "test.value", "v": test.in}); err != nil {
				t.Fatalf("Send: %v", err)
			}
			e, _ := box.TryReceive()
			checkMessage(t, "through the layer", e, want)

			packed, err := e.Msgpack()
			if err != nil {
				t.Fatalf("Msgpack: %v", err)
			}
			fromMsgpack, err := layer.ParseMsgpack(packed)
			if err != nil {
				t.Fatalf("ParseMsgpack: %v", err)
			}
			checkMessage(t, "through MessagePack", fromMsgpack, want)
			if test.packed {
				return
			}
			for _, e := range []layer.Envelope{e, fromMsgpack} {
				b, err := e.JSON()
				if err != nil {
					t.Fatalf("JSON: %v", err)
				}
				fromJSON, err := layer.ParseJSON(b)
				if err != nil {
					t.Fatalf("ParseJSON(%s): %v", b, err)
				}
				checkMessage(t, "through JSON", fromJSON, want)
			}
		})
	}
}

func checkMessage(t *testing.T, what string, e layer.Envelope, want layer.Message) {
	t.Helper()
	got, err := e.Message()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if !same(map[string]any(want), map[string]any(got)) {
		t.Errorf("%s (-want +got):\n%s", what, cmp.Diff(want, got))
	}
	if e.Type() != want.Type() {
		t.Errorf("%s: type %q, want %q", what, e.Type(), want.Type())
	}
}

// same compares decoded values. It tells 0.0 from -0.0 and takes NaN for NaN, and unlike cmp it takes no time that doubles
// with each level of nesting.
func same(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, same)
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, same)
	case []byte:
		b, ok := b.([]byte)
		return ok && bytes.Equal(a, b)
	case float64:
		b, ok := b.(float64)
		return ok && (math.Float64bits(a) == math.Float64bits(b) || math.IsNaN(a) && math.IsNaN(b))
	}
	return a == b
}

func TestEncodeRefuses(t *testing.T) {
	t.Parallel()
	cycle := map[string]any{}
	cycle["a"] = cycle
	pointers := new(any)
	*pointers = pointers
	deep := any(0)
	for range 64 {
		deep = []any{deep}
	}
	type knot struct{ Next *knot }
	knotted := new(knot)
	knotted.Next = knotted
	tests := []struct {
		msg  layer.Message
		want string // the start of the error
	}{
		{nil, "layer: message: it has no type"},
		{layer.Message{}, "layer: message: it has no type"},
		{layer.Message{"type": nil}, "layer: message.type: it is nil, not a string"},
		{layer.Message{"type": 5}, "layer: message.type: it is of Go type int, not a string"},
		{layer.Message{"type": ""}, "layer: message.type: it is empty"},
		{layer.Message{"type": "é"}, `layer: message.type: it is not printable ASCII: "é"`},
		{layer.Message{"type": "a\n"}, `layer: message.type: it is not printable ASCII: "a\n"`},
		{layer.Message{"type": strings.Repeat("x", 1<<20)}, `layer: message.type: it has 1048576 bytes, more than 100: "` + strings.Repeat("x", 40) + `"...`},
		{layer.Message{"type": "a", "TYPE": "b"}, `layer: message.TYPE: the key differs from "type" in case only`},
		{layer.Message{"type": "a", "__asgi_channel__": "c"}, "layer: message.__asgi_channel__: the key is reserved"},
		{layer.Message{"type": "a", "v": make(chan int)}, "layer: message.v: a chan int cannot be encoded"},
		{layer.Message{"type": "a", "v": []any{1, map[string]any{"f": func() {}}}}, "layer: message.v[1].f: a func() cannot be encoded"},
		{layer.Message{"type": "a", "v": []complex128{1i}}, "layer: message.v[0]: a complex128 cannot be encoded"},
		{layer.Message{"type": "a", "v": struct{ C chan int }{}}, "layer: message.v: a struct { C chan int } cannot be encoded: json: unsupported type"},
		{layer.Message{"type": "a", "v": cycle}, "layer: message.v" + strings.Repeat(".a", 63) + ": it is nested deeper than 64 levels"},
		{layer.Message{"type": "a", "v": pointers}, "layer: message.v: it is nested deeper than 64 levels"},
		{layer.Message{"type": "a", "v": knotted}, "layer: message.v: a *layer_test.knot cannot be encoded: "},
		{layer.Message{"type": "a", "v": deep}, "layer: message.v" + strings.Repeat("[0]", 63) + ": it is nested deeper than 64 levels"},
		{layer.Message{"type": "a", "v": "\xff"}, "layer: message.v: the string is not UTF-8"},
		{layer.Message{"type": "a", "\xff": 1}, `layer: message: the key "\xff" is not UTF-8`},
		{layer.Message{"type": "a", "b c": "\xff"}, `layer: message["b c"]: the string is not UTF-8`},
		{layer.Message{"type": "a", strings.Repeat("k", 1000): "\xff"}, `layer: message["` + strings.Repeat("k", 40) + `"...]: the string is not UTF-8`},
		{layer.Message{"type": "a", "v": new(big.Int).Lsh(big.NewInt(1), 70)}, "layer: message.v: a *big.Int encodes as JSON that is refused: the integer 1180591620717411303424 does not fit 64 bits"},
		{layer.Message{"type": "a", "v": json.RawMessage(`{"x":[1,{"a":1,"a":2}]}`)}, "layer: message.v.x[1].a: a json.RawMessage encodes as JSON that is refused: the key is there twice"},
		{layer.Message{"type": "a", "v": json.Number("x")}, "layer: message.v: a json.Number cannot be encoded: "},
		{layer.Message{"type": "a", "v": []any{[]byte("x"), "\xff"}}, "layer: message.v[1]: the string is not UTF-8"},
	}
	for _, test := range tests {
		_, err := layer.Encode(test.msg)
		var msgErr *layer.MessageError
		if !errors.As(err, &msgErr) {
			t.Errorf("%.100q: %v, want a *MessageError", test.want, err)
			continue
		}
		if !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("(-want +got):\n%s", cmp.Diff(test.want, err.Error()))
		}
	}
}

func TestTypeMayBeOfAStringType(t *testing.T) {
	t.Parallel()
	if got := encode(t, layer.Message{"type": colour("paint.red")}).Type(); got != "paint.red" {
		t.Errorf("type %q", got)
	}
}

func TestMessageType(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		msg  layer.Message
		want string
	}{{nil, ""}, {layer.Message{"type": 5}, ""}, {layer.Message{"type": "a.b"}, "a.b"}} {
		if got := test.msg.Type(); got != test.want {
			t.Errorf("%v.Type() = %q, want %q", test.msg, got, test.want)
		}
	}
}

func TestAppendJSON(t *testing.T) {
	t.Parallel()
	tests := []struct {
		v    any
		want string
	}{
		{layer.Message{"type": "a", "b": 1.0, "a": "<é>"}, `>{"a":"<é>","b":1.0,"type":"a"}`},
		{point{X: 1, Raw: []byte("a")}, `>{"x":1,"raw":"YQ=="}`},
		{[]byte("a"), `>"YQ=="`},
		{nil, `>null`},
		{map[string][]int{"a": {1}}, `>{"a":[1]}`},
		{encode(t, layer.Message{"type": "a", "v": []byte("a")}), `>{"type":"a","v":"YQ=="}`},
	}
	for _, test := range tests {
		got, err := layer.AppendJSON([]byte(">"), test.v)
		if err != nil || string(got) != test.want {
			t.Errorf("AppendJSON(%v) = %s, %v, want %s", test.v, got, err, test.want)
		}
	}
	var msgErr *layer.MessageError
	if _, err := layer.AppendJSON(nil, []any{math.NaN()}); !errors.As(err, &msgErr) || msgErr.Path != "[0]" {
		t.Errorf("AppendJSON of NaN: %v", err)
	}
}

func ExampleEncode() {
	type Place struct {
		Lat float64 `json:"lat"`
		Lng float64 `json:"lng"`
	}
	e, err := layer.Encode(layer.Message{
		"type":  "taxi.moved",
		"place": Place{52.5, 13.4},
		"seats": []int{1, 2},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	b, _ := e.JSON()
	fmt.Println(string(b))
	_, err = layer.Encode(layer.Message{"type": "taxi.moved", "places": []any{nil, make(chan Place)}})
	fmt.Println(err)
	// Output:
	// {"place":{"lat":52.5,"lng":13.4},"seats":[1,2],"type":"taxi.moved"}
	// layer: message.places[1]: a chan layer_test.Place cannot be encoded
}
