package codec

import (
	"fmt"
	"math"
	"regexp"
	"unicode/utf8"
)

// LooseJSON reads any one JSON value as Python's json.loads does, as far as Go has a form for it. Beyond strict JSON it
// takes UTF-16, UTF-32 and byte order marks, NaN and infinities, numbers beyond a float64 as infinities, and the last of
// keys that are there twice. Halves of surrogate pairs become U+FFFD. Integers beyond 64 bits are refused.
func LooseJSON(b []byte) (any, *Error) {
	b, err := toUTF8(b)
	if err != nil {
		return nil, err
	}
	r := looseReader{scanner{b: b}, 0}
	v, err := r.value(1)
	if err != nil {
		return nil, err
	}
	if r.space(); r.i < len(b) {
		return nil, r.unexpected("the end")
	}
	return v, nil
}

// looseReader reads values from position i on.
type looseReader struct {
	s scanner // for its errors and numbers
	i int
}

func (r *looseReader) space() { r.i = r.s.space(r.i) }

// at returns the byte that is read next, 0 at the end.
func (r *looseReader) at() byte {
	if r.i < len(r.s.b) {
		return r.s.b[r.i]
	}
	return 0
}

func (r *looseReader) unexpected(instead string) *Error {
	r.s.unexpected(r.i, instead)
	return r.s.err
}

func (r *looseReader) take(c byte) bool {
	if r.at() != c {
		return false
	}
	r.i++
	return true
}

func (r *looseReader) value(depth int) (any, *Error) {
	r.space()
	switch c := r.at(); c {
	case '"':
		return r.text()
	case '{', '[':
		if depth > MaxDepth {
			return nil, problem(errDepth)
		}
		r.i++
		if c == '{' {
			return r.object(depth)
		}
		return r.array(depth)
	}
	for _, w := range looseWords {
		if end := r.i + len(w.text); end <= len(r.s.b) && string(r.s.b[r.i:end]) == w.text {
			r.i = end
			return w.value, nil
		}
	}
	return r.number()
}

var looseWords = []struct {
	text  string
	value any
}{
	{"true", true},
	{"false", false},
	{"null", nil},
	{"NaN", math.NaN()},
	{"Infinity", math.Inf(1)},
	{"-Infinity", math.Inf(-1)},
}

func (r *looseReader) number() (any, *Error) {
	if r.i >= len(r.s.b) {
		return nil, r.unexpected("a value")
	}
	if end := r.s.number(r.i); end >= 0 {
		raw := r.s.b[r.i:end]
		r.i = end
		return numberValue(raw), nil
	}
	raw := (&jsonReader{b: r.s.b, i: r.i}).number()
	f, ok := fraction(raw)
	if !ok || !math.IsInf(f, 0) || !looseNumber.Match(raw) {
		return nil, r.s.err
	}
	r.i += len(raw)
	return f, nil
}

// looseNumber is what a number beyond a float64 looks like.
var looseNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

func (r *looseReader) array(depth int) (any, *Error) {
	list := []any{}
	if r.space(); r.take(']') {
		return list, nil
	}
	for {
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err.inIndex(len(list))
		}
		list = append(list, v)
		switch r.space(); {
		case r.take(']'):
			return list, nil
		case !r.take(','):
			return nil, r.unexpected("',' or ']'")
		}
	}
}

func (r *looseReader) object(depth int) (any, *Error) {
	m := map[string]any{}
	if r.space(); r.take('}') {
		return m, nil
	}
	for {
		if r.space(); r.at() != '"' {
			return nil, r.unexpected("a key")
		}
		key, err := r.text()
		if err != nil {
			return nil, err
		}
		if r.space(); !r.take(':') {
			return nil, r.unexpected("':'")
		}
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err.inKey(key)
		}
		m[key] = v
		switch r.space(); {
		case r.take('}'):
			return m, nil
		case !r.take(','):
			return nil, r.unexpected("',' or '}'")
		}
	}
}

// text reads a string whose opening quote is next.
func (r *looseReader) text() (string, *Error) {
	b := r.s.b
	var plain []byte
	for i := r.i + 1; ; {
		end := skipPlain(b, i)
		plain = append(plain, b[i:end]...)
		i = end
		if i >= len(b) {
			return "", problem("it ends within a string")
		}
		switch c := b[i]; {
		case c == '"':
			r.i = i + 1
			return string(plain), nil
		case c == '\\':
			if plain, end = r.escape(plain, i); end < 0 {
				return "", r.s.err
			}
			i = end
		case c < ' ':
			return "", problem(fmt.Sprintf("byte %d is the control character 0x%02x, unescaped in a string", i, c))
		default:
			ru, size := utf8.DecodeRune(b[i:])
			if ru == utf8.RuneError && size == 1 {
				if size = 3; !halfPair(b[i:]) {
					return "", problem(fmt.Sprintf("byte %d is not UTF-8", i))
				}
			}
			plain = utf8.AppendRune(plain, ru)
			i += size
		}
	}
}

// halfPair reports whether b begins with one half of a surrogate pair as UTF-8 would write it, which Python lets pass.
func halfPair(b []byte) bool {
	return len(b) >= 3 && b[0] == 0xed && b[1]&0xe0 == 0xa0 && b[2]&0xc0 == 0x80
}

// escape appends what the escape at i means, and returns the position behind it, -1 if it means nothing.
func (r *looseReader) escape(plain []byte, i int) ([]byte, int) {
	end := r.s.escape(i)
	switch {
	case end >= 0:
		plain, _ = appendEscape(plain, r.s.b[i:end])
	case i+1 < len(r.s.b) && r.s.b[i+1] == 'u':
		if _, ok := hex4(r.s.b, i+2); ok {
			return utf8.AppendRune(plain, utf8.RuneError), i + 6
		}
	}
	return plain, end
}
