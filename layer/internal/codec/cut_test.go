package codec_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/layer/internal/codec"
)

func TestCutMsgpack(t *testing.T) {
	t.Parallel()
	// One value of each form, so that all are passed over.
	values := []string{
		"\x05", "\xe0", "\x81\xa1a\x01", "\x92\x01\x02", "\xa1k", "\xc0", "\xc2", "\xc3",
		"\xc4\x01k", "\xc5\x00\x01k", "\xc6\x00\x00\x00\x01k", "\xc7\x01\x05k", "\xc8\x00\x01\x05k", "\xc9\x00\x00\x00\x01\x05k",
		"\xca1234", "\xcb12345678", "\xcc1", "\xcd12", "\xce1234", "\xcf12345678",
		"\xd01", "\xd112", "\xd21234", "\xd312345678",
		"\xd4\x051", "\xd5\x0512", "\xd6\x051234", "\xd7\x0512345678", "\xd8\x051234567812345678",
		"\xd9\x01k", "\xda\x00\x01k", "\xdb\x00\x00\x00\x01k",
		"\xdc\x00\x01\x01", "\xdd\x00\x00\x00\x01\x01", "\xde\x00\x01\xa1a\x01", "\xdf\x00\x00\x00\x01\xa1a\x01",
	}
	for _, v := range values {
		b := []byte("\x83\xa1a" + v + "\xa1k" + v + "\xa1z" + v)
		rest, value, err := codec.CutMsgpack(b, "k")
		if want := "\x82\xa1a" + v + "\xa1z" + v; err != nil || string(rest) != want || string(value) != v {
			t.Errorf("%q: %q, %q, %v", b, rest, value, err)
		}
		whole := len("\x83\xa1a" + v + "\xa1k" + v)
		for end := 1; end < whole; end++ {
			if _, value, err := codec.CutMsgpack(b[:end], "k"); err == nil && value != nil {
				t.Errorf("%q, cut: %q", b[:end], value)
			}
		}
	}
	for _, same := range []string{"", "\x91\xa1k", "\x81\xa1a\xa1k", "\x81\xc4\x01k\x05", "\xa1k"} {
		if rest, value, err := codec.CutMsgpack([]byte(same), "k"); err != nil || value != nil || string(rest) != same {
			t.Errorf("%q: %q, %q, %v", same, rest, value, err)
		}
	}
}

func TestAppendPackedPair(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 14, 15, 16, 1<<16 - 2, 1<<16 - 1, 1 << 16} {
		m := map[string]any{}
		for i := range n {
			m[string(rune(0x4e00+i%20000))+string(rune('a'+i/20000))] = nil
		}
		packed, err := codec.AppendMsgpack(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		longer := codec.AppendPackedPair(nil, packed, "k", []string{"a", "b"})
		rest, value, err := codec.CutMsgpack(longer, "k")
		if err != nil || !bytes.Equal(packed, rest) {
			t.Fatalf("%d pairs: %v", n, err)
		}
		texts, err := codec.UnpackTexts(value)
		if d := cmp.Diff([]string{"a", "b"}, texts); err != nil || d != "" {
			t.Errorf("%d pairs: %v (-want +got):\n%s", n, err, d)
		}
	}
}

func TestCutJSON(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, rest, value string }{
		{`{"k":1}`, `{}`, `1`},
		{`{"k":1,"a":2}`, `{"a":2}`, `1`},
		{`{"a":2,"k":[1,{"k":2}]}`, `{"a":2}`, `[1,{"k":2}]`},
		{`{"a":{"k":3} , "k" : "x\"" , "b":null }`, `{"a":{"k":3} , "b":null }`, `"x\""`},
		{`{"a":"k","b":["k"]}`, "", ""},
		{`{"k":}`, "", ""},
		{`{"k":1,}`, "", ""},
		{`{"k":1`, "", ""},
		{`{"k"`, "", ""},
		{`{"k":"`, "", ""},
		{`{"k":[1,2`, "", ""},
		{`["k"]`, "", ""},
		{`k`, "", ""},
		{``, "", ""},
	} {
		rest, value := codec.CutJSON([]byte(c.in), "k")
		if c.value == "" {
			c.rest = c.in
		}
		if string(rest) != c.rest || string(value) != c.value {
			t.Errorf("%s: %s and %s, want %s and %s", c.in, rest, value, c.rest, c.value)
		}
	}
}

func TestPythonJSON(t *testing.T) {
	t.Parallel()
	packed, err := codec.AppendMsgpack(nil, map[string]any{
		"a": []any{1e15, 1e16, 1e-4, 1e-5, 1.5e-7, -0.1, 123456789.0, 1e100},
		"b": "\x00\x1f\x7f\u0080é\u2028🚕\"\\/<>\b\f\n\r\t",
		"c": map[string]any{},
		"d": nil,
		"e": uint64(1<<64 - 1),
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := codec.MsgpackToPythonJSON(nil, packed)
	want := `{"a": [1000000000000000.0, 1e+16, 0.0001, 1e-05, 1.5e-07, -0.1, 123456789.0, 1e+100], ` +
		`"b": "\u0000\u001f\u007f\u0080\u00e9\u2028\ud83d\ude95\"\\/<>\b\f\n\r\t", "c": {}, "d": null, "e": 18446744073709551615}`
	if d := cmp.Diff(want, string(got)); err != nil || d != "" {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	packed, _ = codec.AppendMsgpack(nil, map[string]any{"a": []any{1, []byte{1}}})
	if _, err := codec.MsgpackToPythonJSON(nil, packed); err == nil || err.Path != ".a[1]" {
		t.Errorf("bytes: %v", err)
	}
}
