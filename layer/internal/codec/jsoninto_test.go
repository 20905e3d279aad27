package codec_test

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/layer/internal/codec"
)

type everyKind struct {
	Text    string
	On      bool    `json:"on,omitempty"`
	Small   int8    `json:"small"`
	Large   int64   `json:"LARGE"`
	Byte    byte    `json:"byte"`
	Huge    uint64  `json:"huge"`
	Single  float32 `json:"single"`
	Double  float64 `json:"double"`
	Inner   inner   `json:"inner"`
	Name    string  `json:"näme-K"`
	Number  json.Number
	Raw     json.RawMessage
	When    time.Time
	Bytes   []byte
	List    []int
	Map     map[string]inner
	Pointer *inner
	Any     any
	Lower   upper
	Left    string `json:"-"`
	hidden  string
}

type inner struct {
	A string `json:"a"`
	B *int   `json:"b"`
}

type upper string

func (u *upper) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		return errors.New("empty")
	}
	*u = upper(b[:1])
	return nil
}

type embeds struct {
	inner
	C int
}

type quoted struct {
	N int `json:"n,string"`
}

type itself struct{ N int }

func (i *itself) UnmarshalJSON(b []byte) error { i.N = len(b); return nil }

// tagged is a struct type of ints with tags that vet would refuse.
func tagged(tags ...reflect.StructTag) reflect.Type {
	var fields []reflect.StructField
	for i, tag := range tags {
		fields = append(fields, reflect.StructField{Name: string(rune('A' + i)), Type: reflect.TypeFor[int](), Tag: tag})
	}
	return reflect.StructOf(fields)
}

var (
	twice = tagged(`json:"a"`, `json:"a"`)
	odd   = tagged(`json:"a b"`, `json:"b'"`, `json:"-,"`, `json:",omitempty"`, `json:`)
)

func prefilled() *everyKind {
	return &everyKind{Text: "before", Large: 7, List: []int{9, 9}, Map: map[string]inner{"x": {A: "y"}}, Any: "any", Left: "left", hidden: "hidden"}
}

// sameAsEncodingJSON decodes b into pairs of values that are alike before.
func sameAsEncodingJSON(t *testing.T, b []byte) {
	t.Helper()
	for _, pair := range [][2]any{
		{new(everyKind), new(everyKind)},
		{prefilled(), prefilled()},
		{new(inner), new(inner)},
		{new(embeds), new(embeds)},
		{new(quoted), new(quoted)},
		{new(itself), new(itself)},
		{reflect.New(twice).Interface(), reflect.New(twice).Interface()},
		{reflect.New(odd).Interface(), reflect.New(odd).Interface()},
		{new(struct{}), new(struct{})},
	} {
		want, got := pair[0], pair[1]
		wantErr := json.Unmarshal(b, want)
		if codec.DecodeInto(b, got) {
			if wantErr != nil {
				t.Fatalf("%T from %q: DecodeInto took it, encoding/json says: %v", got, b, wantErr)
			}
		} else if err := json.Unmarshal(b, got); (err == nil) != (wantErr == nil) {
			t.Fatalf("%T from %q: after DecodeInto encoding/json says %v, and otherwise %v", got, b, err, wantErr)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(everyKind{}, embeds{})); diff != "" {
			t.Fatalf("%T from %q (-encoding/json +codec):\n%s", got, b, diff)
		}
	}
}

var intoTexts = []string{
	`{}`, ` { } `, `{"Text":"a","on":true,"small":-128,"LARGE":9223372036854775807,"byte":255,"huge":18446744073709551615}`,
	`{"single":1.5,"double":-1e300,"inner":{"a":"x","b":3,"c":[{}]},"näme-K":"\u00e9\n"}`,
	`{"text":"folded","ON":false,"näme-k":"kelvin","NÄME-K":"upper"}`, `{"TEXT":"first","Text":"second"}`,
	`{"Text":null,"on":null,"small":null,"huge":null,"double":null,"inner":null,"List":null,"Map":null,"Pointer":null,"Any":null,"Lower":null,"When":null,"Number":null}`,
	`{"Number":12.50,"Raw":{"a":[1, 2]},"When":"2024-02-29T01:02:03Z","Bytes":"aGk=","List":[1,2],"Map":{"x":{"b":1},"y":{"a":"z"}},"Pointer":{"a":"p"},"Any":[1,"x"],"Lower":"abc"}`,
	`{"small":128}`, `{"small":1.0}`, `{"small":"1"}`, `{"byte":-0}`, `{"LARGE":-0}`, `{"double":"x"}`, `{"single":1e39}`, `{"Text":1}`, `{"Text":{"a":1}}`,
	`{"on":"true"}`, `{"inner":[]}`, `{"inner":1}`, `{"Number":"x"}`, `{"Number":"12"}`, `{"When":"never"}`, `{"Lower":""}`, `{"List":[1,"x"]}`,
	`{"Te\u0078t":"escaped key","-":3,"Left":"no","hidden":"no"}`, `{"unknown":{"deep":[[["}]\\\""]]],"n":-1.5e3},"Text":"after"}`,
	`{"Map":{"x":{"a":"new"}},"List":[],"Any":{"b":null}}`, `{"a":1,"n":"5","a b":1,"b'":2,"C":3,"N":4}`, `{"a":"s","b":4}`,
}

func TestDecodeIntoIsAsEncodingJSON(t *testing.T) {
	t.Parallel()
	for _, s := range intoTexts {
		sameAsEncodingJSON(t, []byte(s))
	}
}

// What it takes, it takes without encoding/json: the fallback is not the rule.
func TestDecodeIntoTakes(t *testing.T) {
	t.Parallel()
	var v everyKind
	text := []byte(`{"Text":"a\u00e9","on":true,"small":-128,"LARGE":-9223372036854775808,"byte":255,"huge":18446744073709551615,"single":1.5,"double":-1e300,"inner":{"a":"x"}}`)
	if !codec.DecodeInto(text, &v) {
		t.Fatal("DecodeInto leaves it to encoding/json")
	}
	want := everyKind{Text: "aé", On: true, Small: -128, Large: math.MinInt64, Byte: 255, Huge: math.MaxUint64, Single: 1.5, Double: -1e300, Inner: inner{A: "x"}}
	if diff := cmp.Diff(want, v, cmp.AllowUnexported(everyKind{})); diff != "" {
		t.Error("(-want +got):\n" + diff)
	}
	for _, v := range []any{nil, everyKind{}, (*everyKind)(nil), new(map[string]any), new(any)} {
		if codec.DecodeInto(text, v) {
			t.Errorf("DecodeInto took a %T", v)
		}
	}
}

func FuzzDecodeInto(f *testing.F) {
	for _, s := range intoTexts {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := codec.ScanJSON(b); err == nil {
			sameAsEncodingJSON(t, b)
		}
	})
}

func BenchmarkDecodeInto(b *testing.B) {
	text := []byte(`{"type":"trip.changed","trip":{"id":17,"status":"STARTED","pick_up":"A","drop_off":"B"},"seats":3,"price":12.5,"shared":false,"at":1700000000}`)
	type trip struct {
		ID      int64  `json:"id"`
		Status  string `json:"status"`
		PickUp  string `json:"pick_up"`
		DropOff string `json:"drop_off"`
	}
	type changed struct {
		Type   string  `json:"type"`
		Trip   trip    `json:"trip"`
		Seats  int     `json:"seats"`
		Price  float64 `json:"price"`
		Shared bool    `json:"shared"`
		At     int64   `json:"at"`
	}
	b.Run("codec", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !codec.DecodeInto(text, new(changed)) {
				b.Fatal("not taken")
			}
		}
	})
	b.Run("encoding json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := json.Unmarshal(text, new(changed)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
