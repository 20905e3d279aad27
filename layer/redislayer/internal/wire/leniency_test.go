package wire_test

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer/internal/wire"
)

func utf16le(s string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

func utf32be(s string) string {
	var b []byte
	for _, r := range s {
		b = append(b, byte(r>>24), byte(r>>16), byte(r>>8), byte(r))
	}
	return string(b)
}

func swapped(s string) string {
	b := []byte(s)
	for i := 0; i+1 < len(b); i += 2 {
		b[i], b[i+1] = b[i+1], b[i]
	}
	return string(b)
}

func TestDecodeJSONLeniency(t *testing.T) {
	t.Parallel()
	names := func(n ...string) []string { return n }
	v := func(v any) map[string]any { return map[string]any{"v": v} }
	c := newCodec(t, wire.Options{Format: wire.FormatJSON})
	for _, tc := range []struct {
		name, payload string
		message       map[string]any
		channels      []string
		fault         string // part of the error
	}{
		{"nan", `{"v": NaN}`, v(math.NaN()), nil, ""},
		{"infinities", `{"v": [Infinity, -Infinity]}`, v([]any{math.Inf(1), math.Inf(-1)}), nil, ""},
		{"too large a float", `{"v": [1e400, -1.5E+999]}`, v([]any{math.Inf(1), math.Inf(-1)}), nil, ""},
		{"too small a float", `{"v": 1e-400}`, v(0.0), nil, ""},
		{"half a pair", `{"v": "a\ud800b\udc00"}`, v("a\ufffdb\ufffd"), nil, ""},
		{"half a pair, then a pair", `{"v": "\ud83d\ud83d\ude95"}`, v("\ufffd🚕"), nil, ""},
		{"half a pair in bytes", "{\"v\": \"\xed\xa0\x80x\"}", v("\ufffdx"), nil, ""},
		{"half a pair in a key", `{"\ud800": 1, "v": NaN}`, map[string]any{"\ufffd": int64(1), "v": math.NaN()}, nil, ""},
		{"key twice", `{"v": 1, "v": 2}`, v(int64(2)), nil, ""},
		{"mark", "\xef\xbb\xbf{\"v\": 1}", v(int64(1)), nil, ""},
		{"utf-16", utf16le(`{"v": "é🚕"}`), v("é🚕"), nil, ""},
		{"utf-16 with a mark, big-endian", "\xfe\xff" + swapped(utf16le(`{"v": 1}`)), v(int64(1)), nil, ""},
		{"utf-16, big-endian", swapped(utf16le(`{"v": 1}`)), v(int64(1)), nil, ""},
		{"utf-16 that is short", utf16le(`{}`), map[string]any{}, nil, ""},
		{"utf-32", utf32be(`{"v": "é🚕"}`), v("é🚕"), nil, ""},
		{"utf-16 with names", utf16le(`{"v": 1, "__asgi_channel__": "a!b"}`), v(int64(1)), names("a!b"), ""},
		{"name", `{"v": 1, "__asgi_channel__": "a!b"}`, v(int64(1)), names("a!b"), ""},
		{"name first", `{ "__asgi_channel__" : "a!b" , "v": 1}`, v(int64(1)), names("a!b"), ""},
		{"name in the middle", `{"u":[{}], "__asgi_channel__":["x","y"], "v": 1}`, map[string]any{"u": []any{map[string]any{}}, "v": int64(1)}, names("x", "y"), ""},
		{"name alone", `{"__asgi_channel__": []}`, map[string]any{}, []string{}, ""},
		{"name escaped", `{"v":1, "__asgi_channel__": "\u0061!b"}`, v(int64(1)), names("a!b"), ""},
		{"name beside nan", `{"v": NaN, "__asgi_channel__": ["a!b"]}`, v(math.NaN()), names("a!b"), ""},
		{"name that is none", `{"v": {"__asgi_channel__": "x"}, "w": "\"__asgi_channel__\": 5"}`, map[string]any{"v": map[string]any{"__asgi_channel__": "x"}, "w": `"__asgi_channel__": 5`}, nil, ""},
		{"big integer", `{"v": 18446744073709551616}`, nil, nil, "64 bits"},
		{"big integer beside nan", `{"v": [NaN, -9223372036854775809]}`, nil, nil, "64 bits"},
		{"name that is a number", `{"v": 1, "__asgi_channel__": 5}`, nil, nil, "__asgi_channel__"},
		{"names with a number", `{"v": NaN, "__asgi_channel__": [5]}`, nil, nil, "__asgi_channel__"},
		{"type in other case", `{"type": "t", "Type": 1}`, map[string]any{"type": "t", "Type": int64(1)}, nil, ""},
		{"type that is a number", `{"type": 5, "v": NaN}`, nil, nil, "not a string"},
		{"no object", `[NaN]`, nil, nil, "not a map"},
		{"comma at the end", `{"__asgi_channel__":"x",}`, nil, nil, "a key"},
		{"two objects", `{"__asgi_channel__":"x"}{"v":1}`, nil, nil, "the end"},
		{"control character", "{\"v\": \"a\nb\"}", nil, nil, "control"},
		{"zeros", `{"v": 01}`, nil, nil, "zero"},
		{"zeros in a large float", `{"v": 01e400}`, nil, nil, "zero"},
		{"point", `{"v": 1.}`, nil, nil, "digit"},
		{"words", `{"v": nan}`, nil, nil, "a value"},
		{"deep", `{"v": ` + strings.Repeat("[", 70) + "NaN" + strings.Repeat("]", 70) + "}", nil, nil, "nested"},
		{"utf-16 cut", utf16le(`{"v": 1}`) + "x", nil, nil, "UTF-16"},
		{"utf-32 cut", utf32be(`{"v": 1}`) + "x", nil, nil, "UTF-32"},
		{"not utf-8", "{\"v\": \"\xff\"}", nil, nil, "UTF-8"},
		{"msgpack", "\x81\xa1v\x01", nil, nil, "serializer_format"},
		{"cut", `{"v": "`, nil, nil, "ends"},
		{"nothing", ``, nil, nil, "empty"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			checkCase(t, c, tc.payload, tc.message, tc.channels, tc.fault)
		})
	}
}

func checkCase(t *testing.T, c *wire.Codec, payload string, message map[string]any, channels []string, fault string) {
	t.Helper()
	e, got, err := c.Decode([]byte(payload), time.Time{})
	if fault != "" {
		if err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("error %v, want one with %q", err, fault)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	m, err := e.Message()
	if err != nil {
		t.Fatal(err)
	}
	if d := diff(layer.Message(message), m); d != "" {
		t.Errorf("message (-want +got):\n%s", d)
	}
	if d := diff(channels, got); d != "" {
		t.Errorf("channel names (-want +got):\n%s", d)
	}
}

func TestDecodeMsgpackLeniency(t *testing.T) {
	t.Parallel()
	names := func(n ...string) []string { return n }
	v := func(v any) map[string]any { return map[string]any{"v": v} }
	key := hex.EncodeToString([]byte("\xb0__asgi_channel__"))
	c := newCodec(t, wire.Options{})
	for _, tc := range []struct {
		name, hex string
		message   map[string]any
		channels  []string
		fault     string
	}{
		{"key of bytes", "81c4017601", v(int64(1)), nil, ""},
		{"key of bytes within", "81a17681c4016b01", v(map[string]any{"k": int64(1)}), nil, ""},
		{"key twice", "82a17601a17602", v(int64(2)), nil, ""},
		{"extension", "81a176d40501", v([]any{int64(5), []byte{1}}), nil, ""},
		{"extension of 3 bytes", "81a176c70305010203", v([]any{int64(5), []byte{1, 2, 3}}), nil, ""},
		{"extension of 16 bytes", "81a176d8fe" + strings.Repeat("ab", 16), v([]any{int64(-2), []byte(strings.Repeat("\xab", 16))}), nil, ""},
		{"name", "82a17601" + key + "a3612162", v(int64(1)), names("a!b"), ""},
		{"name first", "82" + key + "a3612162" + "a17601", v(int64(1)), names("a!b"), ""},
		{"names", "82a17601" + key + "92a178a179", v(int64(1)), names("x", "y"), ""},
		{"no names", "81" + key + "90", map[string]any{}, []string{}, ""},
		{"name beside an extension", "82a176d40501" + key + "a178", v([]any{int64(5), []byte{1}}), names("x"), ""},
		{"name after an extension of 3 bytes", "82a176c70305010203" + key + "a178", v([]any{int64(5), []byte{1, 2, 3}}), names("x"), ""},
		{"name that is none", "81a17681" + key + "a178", v(map[string]any{"__asgi_channel__": "x"}), nil, ""},
		{"map32 with a name", "df00000002a17601" + key + "a178", v(int64(1)), names("x"), ""},
		{"key as text and bytes", "82a17601c4017602", nil, nil, "as a string and as bytes"},
		{"key of bytes that are no text", "81c401ff01", nil, nil, "UTF-8"},
		{"key that is an integer", "810101", nil, nil, "key"},
		{"timestamp", "81a176d6ff00000000", nil, nil, "timestamp"},
		{"name that is a number", "82a17601" + key + "05", nil, nil, "__asgi_channel__"},
		{"names with bytes", "82a17601" + key + "91c40161", nil, nil, "__asgi_channel__"},
		{"names that are cut", "82a17601" + key + "dd7fffffff", nil, nil, "no whole value"},
		{"name that is no text", "82a17601" + key + "a1ff", nil, nil, "UTF-8"},
		{"array that announces much", "81a176ddffffffff01", nil, nil, "no whole value"},
		{"map that announces much", "dfffffffffa17601", nil, nil, "no whole value"},
		{"extension cut", "81a176c7ff0501", nil, nil, "no whole value"},
		{"more behind it", "81a176d4050101", nil, nil, "follow"},
		{"json", hex.EncodeToString([]byte(`{"v": 1}`)), nil, nil, "serializer_format"},
		{"no map", "93010203", nil, nil, "not a map"},
		{"type that is a number", "82a474797065" + "05" + "c4017601", nil, nil, "not a string"},
		{"nothing", "", nil, nil, "empty"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			checkCase(t, c, string(unhex(t, tc.hex)), tc.message, tc.channels, tc.fault)
		})
	}
}

// What may come is not four times as large because JSON may be in UTF-32.
func TestSizeIsThatOfTheEncoding(t *testing.T) {
	t.Parallel()
	encodings := map[string]func(s string) []byte{
		"UTF-8":  func(s string) []byte { return []byte(s) },
		"UTF-16": func(s string) []byte { return []byte(utf16le(s)) },
		"UTF-32": func(s string) (b []byte) {
			for _, c := range "\ufeff" + s {
				b = binary.BigEndian.AppendUint32(b, uint32(c))
			}
			return b
		},
	}
	const most = 3000
	c := newCodec(t, wire.Options{Format: wire.FormatJSON, MaxSize: most})
	for name, encode := range encodings {
		for _, text := range []string{`{"type":"t","v":[1]}`, `{"type":"t","v":[NaN]}`} { // read strictly, and as Python reads it
			padded := func(size int) []byte {
				return encode(strings.Replace(text, "[", "["+strings.Repeat("{},", (size-len(text))/3), 1))
			}
			if _, _, err := c.Decode(padded(most), time.Now()); err != nil {
				t.Errorf("%s of %s, as large as may be: %v", name, text, err)
			}
			size := most * 3 / 2
			if name != "UTF-8" {
				size = 4*most + 100
			}
			if _, _, err := c.Decode(padded(size), time.Now()); !errors.Is(err, layer.ErrTooLarge) {
				t.Errorf("%s of %s, larger: %v, want ErrTooLarge", name, text, err)
			}
		}
	}
}

func TestSizeIsThatOfTheMessage(t *testing.T) {
	t.Parallel()
	m := map[string]any{"type": "t", "v": strings.Repeat("x", 100)}
	many := make([]string, 1000)
	for i := range many {
		many[i] = "specific.0123456789abcdef0123456789abcdef!0123456789abcdef0123456789abcdef"
	}
	for _, format := range []wire.Format{wire.FormatMsgpack, wire.FormatJSON} {
		e := envelopeOf(t, m)
		plain, err := newCodec(t, wire.Options{Format: format}).Encode(e, nil)
		if err != nil {
			t.Fatal(err)
		}
		fits := newCodec(t, wire.Options{Format: format, MaxSize: len(plain), RandomPrefix: 12, Keys: []string{"k"}})
		b, err := fits.Encode(e, many)
		if err != nil {
			t.Fatalf("%s: a message of the largest size: %v", format, err)
		}
		if _, names, err := fits.Decode(b, time.Now()); err != nil || len(names) != len(many) {
			t.Errorf("%s: %d names, %v", format, len(names), err)
		}
		tight := newCodec(t, wire.Options{Format: format, MaxSize: len(plain) - 1, RandomPrefix: 12, Keys: []string{"k"}})
		if _, err := tight.Encode(e, nil); !errors.Is(err, layer.ErrTooLarge) {
			t.Errorf("%s: Encode: %v", format, err)
		}
		if _, _, err := tight.Decode(b, time.Now()); !errors.Is(err, layer.ErrTooLarge) {
			t.Errorf("%s: Decode: %v", format, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, o := range []wire.Options{
		{Format: "pickle"}, {TTL: -1}, {MaxSize: -1}, {AcceptPlaintext: true}, {Keys: []string{"a", ""}},
	} {
		if _, err := wire.New(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}

func TestPrefixesDiffer(t *testing.T) {
	t.Parallel()
	for _, format := range []wire.Format{wire.FormatMsgpack, wire.FormatJSON} {
		c := newCodec(t, wire.Options{Format: format, RandomPrefix: 13})
		e := envelopeOf(t, map[string]any{"type": "t"})
		seen := map[string]bool{}
		for range 100 {
			b, err := c.Encode(e, nil)
			if err != nil {
				t.Fatal(err)
			}
			seen[string(b[:13])] = true
			checkDecoded(t, c, b, time.Time{}, map[string]any{"type": "t"})
		}
		if len(seen) != 100 {
			t.Errorf("%s: %d different prefixes of 100", format, len(seen))
		}
		if _, _, err := c.Decode([]byte("short"), time.Time{}); err == nil {
			t.Error("a payload shorter than the prefix is taken")
		}
	}
}
