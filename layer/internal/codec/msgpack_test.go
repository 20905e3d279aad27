package codec_test

import (
	"bytes"
	"encoding/hex"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/layer/internal/codec"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMsgpackForms(t *testing.T) {
	t.Parallel()
	tests := []struct {
		v    any
		want string
	}{
		{m{"a": true, "b": nil, "c": m{"d": []any{}}}, "83a161c3a162c0a16381a16490"},
		{m{"v": int64(127)}, "81a1767f"},
		{m{"v": int64(128)}, "81a176cc80"},
		{m{"v": int64(256)}, "81a176cd0100"},
		{m{"v": int64(65536)}, "81a176ce00010000"},
		{m{"v": int64(math.MaxInt64)}, "81a176cf7fffffffffffffff"},
		{m{"v": uint64(math.MaxUint64)}, "81a176cfffffffffffffffff"},
		{m{"v": int64(-32)}, "81a176e0"},
		{m{"v": int64(-33)}, "81a176d0df"},
		{m{"v": int64(-129)}, "81a176d1ff7f"},
		{m{"v": int64(-32769)}, "81a176d2ffff7fff"},
		{m{"v": int64(math.MinInt64)}, "81a176d38000000000000000"},
		{m{"v": 1.0}, "81a176cb3ff0000000000000"},
		{m{"v": math.Inf(-1)}, "81a176cbfff0000000000000"},
		{m{"v": "é"}, "81a176a2c3a9"},
		{m{"v": strings.Repeat("x", 32)}, "81a176d920" + strings.Repeat("78", 32)},
		{m{"v": strings.Repeat("x", 256)}, "81a176da0100" + strings.Repeat("78", 256)},
		{m{"v": strings.Repeat("x", 65536)}, "81a176db00010000" + strings.Repeat("78", 65536)},
		{m{"v": []byte{}}, "81a176c400"},
		{m{"v": []byte("ab")}, "81a176c4026162"},
		{m{"v": bytes.Repeat([]byte{7}, 256)}, "81a176c50100" + strings.Repeat("07", 256)},
		{m{"v": make([]any, 16)}, "81a176dc0010" + strings.Repeat("c0", 16)},
		{m{"v": make([]any, 65536)}, "81a176dd00010000" + strings.Repeat("c0", 65536)},
	}
	for _, test := range tests {
		got, err := codec.AppendMsgpack(nil, test.v)
		if err != nil {
			t.Errorf("AppendMsgpack: %+v", err)
			continue
		}
		if diff := cmp.Diff(test.want, hex.EncodeToString(got)); diff != "" {
			t.Errorf("AppendMsgpack (-want +got):\n%s", diff)
		}
		if _, err := codec.ScanMsgpack(got); err != nil {
			t.Errorf("ScanMsgpack(%.40x): %+v", got, err)
			continue
		}
		if diff := cmp.Diff(test.v, codec.DecodeMsgpack(got)); diff != "" {
			t.Errorf("DecodeMsgpack(%.40x) (-want +got):\n%s", got, diff)
		}
	}
}

// TestMsgpackOtherForms decodes what other encoders write.
func TestMsgpackOtherForms(t *testing.T) {
	t.Parallel()
	tests := []struct {
		hex  string
		want any
	}{
		{"81a176cf0000000000000005", m{"v": int64(5)}},
		{"81a176d30000000000000005", m{"v": int64(5)}},
		{"81a176d2fffffffb", m{"v": int64(-5)}},
		{"81a176d1fffb", m{"v": int64(-5)}},
		{"81a176d0fb", m{"v": int64(-5)}},
		{"81a176ca3fc00000", m{"v": 1.5}},
		{"81a176d90161", m{"v": "a"}},
		{"81a176da000161", m{"v": "a"}},
		{"81a176db0000000161", m{"v": "a"}},
		{"81a176c40161", m{"v": []byte("a")}},
		{"81a176c5000161", m{"v": []byte("a")}},
		{"81a176c60000000161", m{"v": []byte("a")}},
		{"de0001a17601", m{"v": int64(1)}},
		{"df00000001a17601", m{"v": int64(1)}},
		{"81a176dc000101", m{"v": []any{int64(1)}}},
		{"81a176dd0000000101", m{"v": []any{int64(1)}}},
		{"80", m{}},
	}
	for _, test := range tests {
		b := unhex(t, test.hex)
		if _, err := codec.ScanMsgpack(b); err != nil {
			t.Errorf("ScanMsgpack(%s): %+v", test.hex, err)
			continue
		}
		if diff := cmp.Diff(test.want, codec.DecodeMsgpack(b)); diff != "" {
			t.Errorf("DecodeMsgpack(%s) (-want +got):\n%s", test.hex, diff)
		}
	}
}

func TestMsgpackRefused(t *testing.T) {
	t.Parallel()
	tests := []struct{ hex, want string }{
		{"", ": byte 0 begins no whole value"},
		{"01", ": it is not a map"},
		{"90", ": it is not a map"},
		{"81", ": it announces 2 values where 0 bytes are left"},
		{"81a176", ".v: byte 3 begins no whole value"},
		{"81a17601ff", ": 1 bytes follow it"},
		{"810101", ": a key is not a string"},
		{"81c001", ": a key is not a string"},
		{"81c4017601", ": a key is not a string"},
		{"81a1ff01", `: the key "\xff" is not UTF-8`},
		{"81a176a1ff", ".v: the string is not UTF-8"},
		{"81a176c1", ".v: byte 3 begins no whole value"},
		{"81a17692c101", ".v[0]: byte 4 begins no whole value"},
		{"81a176d40501", ".v: it is of an extension type"},
		{"81a176d7ff000000146b49d200", ".v: it is of an extension type"},
		{"81a176da0010", ".v: byte 3 begins no whole value"},
		{"81a176ddffffffff", ".v: it announces 4294967295 values where 0 bytes are left"},
		{"81a176dfffffffff", ".v: it announces 8589934590 values where 0 bytes are left"},
		{"81a176dbffffffff", ".v: byte 3 begins no whole value"},
		{"82a17601a17602", ".v: the key is there twice"},
		{"81a47479706505", ".type: it is not a string"},
		{"81a476616c7581a17601", ""},
	}
	for _, test := range tests {
		_, err := codec.ScanMsgpack(unhex(t, test.hex))
		got := ""
		if err != nil {
			got = err.Path + ": " + err.Problem
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("ScanMsgpack(%s) (-want +got):\n%s", test.hex, diff)
		}
	}
}

func TestMsgpackDepth(t *testing.T) {
	t.Parallel()
	nested := func(n int) []byte {
		return append(append(unhex(t, "81a176"), bytes.Repeat([]byte{0x91}, n)...), 0xc0)
	}
	if _, err := codec.ScanMsgpack(nested(63)); err != nil {
		t.Errorf("64 levels: %+v", err)
	}
	if _, err := codec.ScanMsgpack(nested(64)); err == nil {
		t.Error("65 levels: no error")
	}
	if _, err := codec.ScanMsgpack(nested(1_000_000)); err == nil {
		t.Error("a million levels: no error")
	}
}

// FuzzMsgpack checks that whatever the scan accepts can be decoded, encoded and transcoded.
func FuzzMsgpack(f *testing.F) {
	for _, s := range []string{
		"83a161c3a162c0a16381a16490", "81a176cf0000000000000005", "81a176c40161", "81a176d40501", "81a176ddffffffff",
		"81a474797065a161", "82a17601a17602", "81a176ca7fc00000", "df00000001a17601", "81a176dc000101",
	} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		typ, err := codec.ScanMsgpack(b)
		if err != nil {
			return
		}
		got := codec.DecodeMsgpack(b).(map[string]any)
		if s, _ := got["type"].(string); s != typ {
			t.Fatalf("type is %q, the scan says %q", s, typ)
		}
		again, err := codec.AppendMsgpack(nil, got)
		if err != nil {
			t.Fatalf("AppendMsgpack: %+v", err)
		}
		if _, err := codec.ScanMsgpack(again); err != nil {
			t.Fatalf("ScanMsgpack refuses what AppendMsgpack made: %+v", err)
		}
		third, err := codec.AppendMsgpack(nil, codec.DecodeMsgpack(again))
		if err != nil || !bytes.Equal(again, third) {
			t.Fatalf("%x becomes %x and then %x, %+v", b, again, third, err)
		}
		if j, err := codec.MsgpackToJSON(nil, b); err == nil {
			if err := codec.CheckJSON(j, 1); err != nil {
				t.Fatalf("MsgpackToJSON makes %q, which is refused: %+v", j, err)
			}
		}
	})
}
