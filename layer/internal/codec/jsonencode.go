package codec

import (
	"encoding/base64"
	"math"
	"strconv"
	"sync"
	"unicode/utf8"
)

// AppendJSON appends v as JSON: keys sorted, no HTML escaping, floats with a '.' or exponent so that they stay floats,
// bytes as base64. NaN and infinities are an error.
func AppendJSON(dst []byte, v any) ([]byte, *Error) {
	e := encoders.Get().(*encoder)
	defer e.free()
	return e.json(dst, v, 1)
}

// EncodeJSON is like AppendJSON to an empty slice, but refuses bytes too: then, and for NaN and infinities, it returns
// nil and no error.
func EncodeJSON(v any) ([]byte, *Error) {
	e := encoders.Get().(*encoder)
	defer e.free()
	e.exact = true
	b, err := e.json(e.buf[:0], v, 1)
	e.buf = b
	switch {
	case err == errInexact:
		return nil, nil
	case err != nil:
		return nil, err
	}
	return append(make([]byte, 0, len(b)), b...), nil
}

// errInexact is a value that JSON has no form for, though MessagePack has.
var errInexact = problem("")

// encoder has what encoding needs on the way.
type encoder struct {
	buf   []byte
	keys  []string // of all maps that are open
	exact bool
}

var encoders = sync.Pool{New: func() any { return new(encoder) }}

func (e *encoder) free() {
	clear(e.keys)
	*e = encoder{buf: e.buf[:0], keys: e.keys[:0]}
	if cap(e.buf) > 64<<10 {
		e.buf = nil
	}
	if cap(e.keys) > 1024 {
		e.keys = nil
	}
	encoders.Put(e)
}

// json appends v; depth is that of an array or map.
func (e *encoder) json(dst []byte, v any, depth int) ([]byte, *Error) {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case string:
		return appendText(dst, v)
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case uint64:
		return strconv.AppendUint(dst, v, 10), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return dst, e.inexact(strconv.FormatFloat(v, 'g', -1, 64) + " has no form in JSON")
		}
		return appendFloat(dst, v), nil
	case []byte:
		if v == nil {
			return append(dst, "null"...), nil
		}
		if e.exact {
			return dst, errInexact
		}
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, v)
		return append(dst, '"'), nil
	case map[string]any:
		return e.object(dst, v, depth)
	case []any:
		return e.array(dst, v, depth)
	case rawJSON:
		return append(dst, v...), nil
	}
	plain, err := simplify(v, depth)
	if err != nil {
		return dst, err
	}
	return e.json(dst, plain, depth)
}

func (e *encoder) inexact(text string) *Error {
	if e.exact {
		return errInexact
	}
	return problem(text)
}

func (e *encoder) object(dst []byte, m map[string]any, depth int) ([]byte, *Error) {
	if m == nil {
		return append(dst, "null"...), nil
	}
	if depth > MaxDepth {
		return dst, problem(errDepth)
	}
	from := len(e.keys)
	e.keys = sortedKeys(e.keys, m)
	to := len(e.keys)
	dst = append(dst, '{')
	for i := from; i < to; i++ {
		if i > from {
			dst = append(dst, ',')
		}
		key := e.keys[i]
		var err *Error
		if dst, err = appendText(dst, key); err != nil {
			return dst, problem("the key " + Quote(key) + " is not UTF-8")
		}
		dst = append(dst, ':')
		if dst, err = e.json(dst, m[key], depth+1); err != nil {
			return dst, in(err, key)
		}
	}
	e.closeKeys(from)
	return append(dst, '}'), nil
}

// closeKeys forgets a map's keys.
func (e *encoder) closeKeys(from int) {
	clear(e.keys[from:])
	e.keys = e.keys[:from]
}

// in is inKey for an error that may be the shared errInexact.
func in(err *Error, key string) *Error {
	if err == errInexact {
		return err
	}
	return err.inKey(key)
}

func (e *encoder) array(dst []byte, list []any, depth int) ([]byte, *Error) {
	if list == nil {
		return append(dst, "null"...), nil
	}
	if depth > MaxDepth {
		return dst, problem(errDepth)
	}
	dst = append(dst, '[')
	for i, v := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err *Error
		if dst, err = e.json(dst, v, depth+1); err != nil {
			if err == errInexact {
				return dst, err
			}
			return dst, err.inIndex(i)
		}
	}
	return append(dst, ']'), nil
}

// appendFloat writes the shortest form that is the same float64 again, and still a float.
func appendFloat(dst []byte, f float64) []byte {
	form := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		form = 'e'
	}
	from := len(dst)
	dst = strconv.AppendFloat(dst, f, form, -1, 64)
	for _, c := range dst[from:] {
		if c == '.' || c == 'e' {
			return dst
		}
	}
	return append(dst, ".0"...)
}

func appendText(dst []byte, s string) ([]byte, *Error) {
	dst = append(dst, '"')
	for {
		i := skipPlain(bytesOf(s), 0)
		dst = append(dst, s[:i]...)
		s = s[i:]
		if s == "" {
			return append(dst, '"'), nil
		}
		if c := s[0]; c < utf8.RuneSelf {
			dst = appendEscaped(dst, c)
			s = s[1:]
			continue
		}
		r, size := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && size == 1 {
			return dst, problem("the string is not UTF-8")
		}
		dst = append(dst, s[:size]...)
		s = s[size:]
	}
}

func appendEscaped(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	const digits = "0123456789abcdef"
	return append(append(dst, `\u00`...), digits[c>>4], digits[c&15])
}
