package codec_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/layer/internal/codec"
)

type m = map[string]any

func TestJSONValues(t *testing.T) {
	t.Parallel()
	tests := []struct {
		json string
		want any
	}{
		{`{}`, m{}},
		{" \t\r\n{ \"a\" : 1 , \"b\" : [ 1 , 2 ] } \n", m{"a": int64(1), "b": []any{int64(1), int64(2)}}},
		{`{"a":[],"b":{},"c":null,"d":true,"e":false}`, m{"a": []any{}, "b": m{}, "c": nil, "d": true, "e": false}},
		{`{"":""}`, m{"": ""}},
		{`{"a":0,"b":-0,"c":-1}`, m{"a": int64(0), "b": int64(0), "c": int64(-1)}},
		{`{"a":9223372036854775807,"b":-9223372036854775808}`, m{"a": int64(math.MaxInt64), "b": int64(math.MinInt64)}},
		{`{"a":9223372036854775808,"b":18446744073709551615}`, m{"a": uint64(math.MaxInt64 + 1), "b": uint64(math.MaxUint64)}},
		{`{"a":1.0,"b":1e3,"c":-1.5E-3,"d":0.1e+2}`, m{"a": 1.0, "b": 1000.0, "c": -0.0015, "d": 10.0}},
		{`{"a":1e308,"b":1e-400}`, m{"a": 1e308, "b": 0.0}},
		{`{"a":"é😀\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t\u0000"}`, m{"a": "é😀é😀\"\\/\b\f\n\r\t\x00"}},
		{`{"\u0061":1}`, m{"a": int64(1)}},
		{`{"a":"` + strings.Repeat("x", 5000) + `\n"}`, m{"a": strings.Repeat("x", 5000) + "\n"}},
		{`{"a":"` + strings.Repeat("x", 5000) + `"}`, m{"a": strings.Repeat("x", 5000)}},
	}
	for _, test := range tests {
		if _, err := codec.ScanJSON([]byte(test.json)); err != nil {
			t.Errorf("ScanJSON(%s): %+v", test.json, err)
			continue
		}
		if diff := cmp.Diff(test.want, codec.DecodeJSON([]byte(test.json))); diff != "" {
			t.Errorf("DecodeJSON(%s) (-want +got):\n%s", test.json, diff)
		}
	}
}

func TestJSONRefused(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 64) + strings.Repeat("]", 64)
	tests := []struct{ json, want string }{
		{``, ": it is empty"},
		{` `, ": it is empty"},
		{`[]`, ": it is not a JSON object: it begins with '['"},
		{`5`, ": it is not a JSON object: it begins with '5'"},
		{"\xef\xbb\xbf{}", ": it is not a JSON object: it begins with 0xef"},
		{`{`, ": it ends where a key belongs"},
		{`{"a"`, ": it ends where ':' belongs"},
		{`{"a":`, ".a: it ends where a value belongs"},
		{`{"a":1`, ": it ends where ',' or '}' belongs"},
		{`{"a":1,}`, ": byte 7 is '}' where a key belongs"},
		{`{a:1}`, ": byte 1 is 'a' where a key belongs"},
		{`{'a':1}`, ": byte 1 is '\\'' where a key belongs"},
		{`{"a":[1,]}`, ".a[1]: byte 8 is ']' where a value belongs"},
		{`{"a":[1 2]}`, ".a: byte 8 is '2' where ',' or ']' belongs"},
		{`{} {}`, ": byte 3 is '{' where the end belongs"},
		{`{}x`, ": byte 2 is 'x' where the end belongs"},
		{`{"a":tru}`, ".a: byte 5 is 't' where a value belongs"},
		{`{"a":NaN}`, ".a: byte 5 is 'N' where a value belongs"},
		{`{"a":nulll}`, ": byte 9 is 'l' where ',' or '}' belongs"},
		{`{"a":01}`, ".a: byte 5 begins a number with a superfluous zero"},
		{`{"a":-}`, ".a: byte 6 is '}' where a digit belongs"},
		{`{"a":1.}`, ".a: byte 7 is '}' where a digit belongs"},
		{`{"a":1e}`, ".a: byte 7 is '}' where a digit belongs"},
		{`{"a":+1}`, ".a: byte 5 is '+' where a value belongs"},
		{`{"a":18446744073709551616}`, ".a: the integer 18446744073709551616 does not fit 64 bits"},
		{`{"a":-9223372036854775809}`, ".a: the integer -9223372036854775809 does not fit 64 bits"},
		{`{"a":[0,1e400]}`, ".a[1]: the number 1e400 is beyond a float64"},
		{`{"a":` + strings.Repeat("9", 400) + `.5}`, ".a: the number " + strings.Repeat("9", 40) + "... is beyond a float64"},
		{`{"a":"x`, ".a: it ends within a string"},
		{`{"a":"\`, ".a: it ends within a string"},
		{`{"a":"\x"}`, ".a: byte 6 begins no JSON escape"},
		{`{"a":"\u12g4"}`, ".a: byte 6 begins no JSON escape"},
		{`{"a":"\ud800"}`, ".a: byte 6 begins half a surrogate pair"},
		{`{"a":"\ud800\u0041"}`, ".a: byte 6 begins half a surrogate pair"},
		{`{"a":"\udc00"}`, ".a: byte 6 begins half a surrogate pair"},
		{"{\"a\":\"\xff\"}", ".a: byte 6 is not UTF-8"},
		{"{\"a\":\"\xed\xa0\x80\"}", ".a: byte 6 is not UTF-8"},
		{"{\"a\":\"12345678\x01\"}", ".a: byte 14 is the control character 0x01, unescaped in a string"},
		{"{\"a\nb\":1}", ": byte 3 is the control character 0x0a, unescaped in a string"},
		{`{"a":1,"a":2}`, ".a: the key is there twice"},
		{`{"a":1,"\u0061":2}`, ".a: the key is there twice"},
		{`{"x":[{},{"b c":1,"b c":2}]}`, `.x[1]["b c"]: the key is there twice`},
		{`{"type":"a","type":"b"}`, ".type: the key is there twice"},
		{`{"Type":"a"}`, `.Type: the key differs from "type" in case only`},
		{`{"type":"a","\u0054YPE":"b"}`, `.TYPE: the key differs from "type" in case only`},
		{`{"type":5}`, ".type: it is not a string"},
		{`{"type":null}`, ".type: it is not a string"},
		{`{"a":` + deep + `}`, ".a" + strings.Repeat("[0]", 63) + ": it is nested deeper than 64 levels"},
	}
	for _, test := range tests {
		_, err := codec.ScanJSON([]byte(test.json))
		if err == nil {
			t.Errorf("ScanJSON(%s): no error", test.json)
			continue
		}
		if diff := cmp.Diff(test.want, err.Path+": "+err.Problem); diff != "" {
			t.Errorf("ScanJSON(%.80s) (-want +got):\n%s", test.json, diff)
		}
	}
}

func TestJSONTypeIsFound(t *testing.T) {
	t.Parallel()
	tests := []struct{ json, want string }{
		{`{"type":"echo.message","data":1}`, "echo.message"},
		{`{"data":{"type":"inner","TYPE":1},"type":"outer"}`, "outer"},
		{`{"\u0074ype":"\u0061"}`, "a"},
		{`{"type":""}`, ""},
		{`{"a":[{"type":5}]}`, ""},
		{`{"typ":1,"types":2}`, ""},
	}
	for _, test := range tests {
		got, err := codec.ScanJSON([]byte(test.json))
		if err != nil {
			t.Errorf("ScanJSON(%s): %+v", test.json, err)
		}
		if got != test.want {
			t.Errorf("ScanJSON(%s) = %q, want %q", test.json, got, test.want)
		}
	}
}

func TestManyKeysAreComparedFast(t *testing.T) {
	t.Parallel()
	b := []byte("{")
	for i := range 100_000 {
		b = append(b, `"k`+strconv.Itoa(i)+`":0,`...)
	}
	if _, err := codec.ScanJSON(append(bytes.Clone(b), `"last":0}`...)); err != nil {
		t.Errorf("different keys: %+v", err)
	}
	_, err := codec.ScanJSON(append(b, `"k77777":0}`...))
	if err == nil || err.Path != ".k77777" {
		t.Errorf("a key twice among many: %+v", err)
	}
}

// TestHostileNestingIsCheap counts what a million brackets cost.
func TestHostileNestingIsCheap(t *testing.T) { // not parallel: it measures allocations
	for _, b := range [][]byte{
		bytes.Repeat([]byte("["), 1_000_000),
		append([]byte(`{"a":`), bytes.Repeat([]byte("["), 1_000_000)...),
		bytes.Repeat([]byte(`{"a":`), 200_000),
	} {
		const runs = 20
		before := allocated()
		for range runs {
			if _, err := codec.ScanJSON(b); err == nil {
				t.Fatal("no error")
			}
		}
		if n := (allocated() - before) / runs; n > 32<<10 {
			t.Errorf("%.8s...: %d bytes allocated", b, n)
		}
	}
}

func allocated() uint64 {
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.TotalAlloc
}

func TestFloatsStayFloats(t *testing.T) {
	t.Parallel()
	tests := []struct {
		v    any
		want string
	}{
		{1.0, "1.0"},
		{math.Copysign(0, -1), "-0.0"},
		{0.1, "0.1"},
		{float32(0.1), "0.1"},
		{1e20, "100000000000000000000.0"},
		{1e21, "1e+21"},
		{1e-7, "1e-07"},
		{math.MaxFloat64, "1.7976931348623157e+308"},
		{math.SmallestNonzeroFloat64, "5e-324"},
		{9007199254740993.0, "9007199254740992.0"},
	}
	for _, test := range tests {
		got, err := codec.AppendJSON(nil, test.v)
		if err != nil || string(got) != test.want {
			t.Errorf("AppendJSON(%v) = %s, %+v, want %s", test.v, got, err, test.want)
		}
	}
}

// FuzzJSON holds the scanner and the decoder against encoding/json, and the encoders against both.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"type":"a"}`, `{"TYPE":"a"}`, `{"a":[1,-0,1.0,1e5,"\ud83d\ude00"],"b":{"c":null}}`, `{"a":1,"a":2}`, `[1]`,
		`{"a":18446744073709551616}`, `{"a":"\u0000\/"}`, "{\"\xff\":1}", `{"a":1e400}`, ` { "x" : tru`, `{"a":"` + strings.Repeat("é", 9) + `"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		typ, err := codec.ScanJSON(b)
		if err != nil {
			if len(err.Path)+len(err.Problem) > 500 {
				t.Fatalf("an error of %d bytes", len(err.Path)+len(err.Problem))
			}
			return
		}
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
		var want map[string]any
		if err := d.Decode(&want); err != nil {
			t.Fatalf("ScanJSON accepts %q, encoding/json says: %v", b, err)
		}
		got := codec.DecodeJSON(b).(map[string]any)
		if diff := difference(numbers(want), got); diff != "" {
			t.Fatalf("%q decodes differently (-encoding/json +codec):\n%s", b, diff)
		}
		if s, _ := got["type"].(string); s != typ {
			t.Fatalf("type is %q, the scan says %q", s, typ)
		}
		again, err := codec.EncodeJSON(got)
		if err != nil {
			t.Fatalf("EncodeJSON: %+v", err)
		}
		if _, err := codec.ScanJSON(again); err != nil {
			t.Fatalf("ScanJSON refuses %q of EncodeJSON: %+v", again, err)
		}
		if diff := difference(got, codec.DecodeJSON(again).(map[string]any)); diff != "" {
			t.Fatalf("%q does not survive EncodeJSON (-want +got):\n%s", b, diff)
		}
		packed := codec.JSONToMsgpack(nil, b)
		if _, err := codec.ScanMsgpack(packed); err != nil {
			t.Fatalf("ScanMsgpack refuses what JSONToMsgpack makes of %q: %+v", b, err)
		}
		if diff := difference(got, codec.DecodeMsgpack(packed).(map[string]any)); diff != "" {
			t.Fatalf("%q does not survive MessagePack (-want +got):\n%s", b, diff)
		}
		if direct, err := codec.AppendMsgpack(nil, got); err != nil || len(direct) != len(packed) {
			t.Fatalf("AppendMsgpack makes %d bytes (%+v), JSONToMsgpack %d", len(direct), err, len(packed))
		}
		back, err := codec.MsgpackToJSON(nil, packed)
		if err != nil {
			t.Fatalf("MsgpackToJSON: %+v", err)
		}
		if diff := difference(got, codec.DecodeJSON(back).(map[string]any)); diff != "" {
			t.Fatalf("%q does not survive MsgpackToJSON (-want +got):\n%s", b, diff)
		}
	})
}

// difference is for deep values, for which cmp takes time that doubles with each level.
func difference(want, got any) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	return fmt.Sprintf("-%#v\n+%#v", want, got)
}

// numbers turns each json.Number into what a decoder of ours makes of it.
func numbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			v[key] = numbers(value)
		}
	case []any:
		for i, value := range v {
			v[i] = numbers(value)
		}
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		if u, err := strconv.ParseUint(v.String(), 10, 64); err == nil {
			return u
		}
		n, _ := v.Float64()
		return n
	}
	return v
}

var benchJSON = []byte(`{"type":"echo.message","data":"0123456789012345678901234567890123456789","n":12,"ok":true}`)

func BenchmarkScanJSON(b *testing.B) {
	long := []byte(`{"type":"echo.message","data":"` + strings.Repeat("lorem ipsum ", 340) + `"}`)
	for _, bench := range []struct {
		name string
		json []byte
	}{{"short", benchJSON}, {"4KiB", long}} {
		b.Run(bench.name, func(b *testing.B) {
			b.SetBytes(int64(len(bench.json)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := codec.ScanJSON(bench.json); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkJSONToMsgpack(b *testing.B) {
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = codec.JSONToMsgpack(dst[:0], benchJSON)
	}
}
