package codec

import (
	"bytes"
	"math"
	"strconv"
	"unicode/utf8"
)

// DecodeJSON returns the value of b, which must be valid. What it returns is the caller's.
func DecodeJSON(b []byte) any {
	d := jsonReader{b: b, alias: len(b) <= aliasBelow}
	d.space()
	return d.value()
}

// jsonReader reads valid JSON.
type jsonReader struct {
	b     []byte
	i     int
	alias bool // strings may share b
}

func (d *jsonReader) space() {
	for d.i < len(d.b) && (d.b[d.i] == ' ' || d.b[d.i] == '\n' || d.b[d.i] == '\t' || d.b[d.i] == '\r') {
		d.i++
	}
}

// next passes over a comma, colon or opening bracket, and the space around it.
func (d *jsonReader) next() {
	d.i++
	d.space()
}

func (d *jsonReader) value() any {
	switch d.b[d.i] {
	case '"':
		return d.string()
	case '{':
		return d.object()
	case '[':
		return d.array()
	case 't':
		d.i += len("true")
		return true
	case 'f':
		d.i += len("false")
		return false
	case 'n':
		d.i += len("null")
		return nil
	}
	return numberValue(d.number())
}

func (d *jsonReader) object() map[string]any {
	m := make(map[string]any)
	for d.next(); d.b[d.i] != '}'; d.comma() {
		key := d.string()
		d.space()
		d.next()
		m[key] = d.value()
	}
	d.i++
	return m
}

func (d *jsonReader) array() []any {
	list := []any{}
	for d.next(); d.b[d.i] != ']'; d.comma() {
		list = append(list, d.value())
	}
	d.i++
	return list
}

// comma passes over a comma if there is one, and stops at the closing bracket otherwise.
func (d *jsonReader) comma() {
	d.space()
	if d.b[d.i] == ',' {
		d.next()
	}
}

func (d *jsonReader) string() string {
	raw := d.rawString()
	plain := plainText(raw)
	if d.alias || len(plain) > 0 && &plain[0] != &raw[0] {
		return text(plain)
	}
	return string(plain)
}

// rawString passes over a string and returns what is between the quotes.
func (d *jsonReader) rawString() []byte {
	start := d.i + 1
	i := start
	for {
		i = skipPlain(d.b, i)
		switch d.b[i] {
		case '"':
			d.i = i + 1
			return d.b[start:i]
		case '\\':
			i += 2
		default:
			i++
		}
	}
}

// number passes over a number and returns it.
func (d *jsonReader) number() []byte {
	start := d.i
	for d.i < len(d.b) {
		switch c := d.b[d.i]; {
		case c-'0' < 10, c == '-', c == '+', c == '.', c|0x20 == 'e':
			d.i++
			continue
		}
		break
	}
	return d.b[start:d.i]
}

func numberValue(b []byte) any {
	if f, ok := fraction(b); ok {
		return f
	}
	n, u := integer(b)
	if u > math.MaxInt64 {
		return u
	}
	return n
}

// fraction parses b if it is written as a number with a fraction or exponent.
func fraction(b []byte) (float64, bool) {
	if bytes.IndexByte(b, '.') < 0 && !hasExponent(b) {
		return 0, false
	}
	f, _ := strconv.ParseFloat(text(b), 64)
	return f, true
}

// integer parses an integer; u is set if it does not fit n.
func integer(b []byte) (n int64, u uint64) {
	if b[0] == '-' {
		n, _ = strconv.ParseInt(text(b), 10, 64)
		return n, 0
	}
	for _, c := range b {
		u = u*10 + uint64(c-'0')
	}
	return int64(u), u
}

// plainText returns what a string's raw text means. It is raw itself if that has no escapes.
func plainText(raw []byte) []byte {
	i := bytes.IndexByte(raw, '\\')
	if i < 0 {
		return raw
	}
	plain := make([]byte, 0, len(raw))
	for {
		plain = append(plain, raw[:i]...)
		plain, raw = appendEscape(plain, raw[i:])
		if i = bytes.IndexByte(raw, '\\'); i < 0 {
			return append(plain, raw...)
		}
	}
}

// appendEscape appends what the escape at the start of raw means, and returns the rest of raw.
func appendEscape(plain, raw []byte) (_, rest []byte) {
	switch c := raw[1]; c {
	case 'b':
		plain = append(plain, '\b')
	case 'f':
		plain = append(plain, '\f')
	case 'n':
		plain = append(plain, '\n')
	case 'r':
		plain = append(plain, '\r')
	case 't':
		plain = append(plain, '\t')
	case 'u':
		r, _ := hex4(raw, 2)
		if 0xd800 <= r && r <= 0xdfff {
			low, _ := hex4(raw, 8)
			return utf8.AppendRune(plain, (r-0xd800)<<10|(low-0xdc00)+0x10000), raw[12:]
		}
		return utf8.AppendRune(plain, r), raw[6:]
	default:
		plain = append(plain, c)
	}
	return plain, raw[2:]
}
