package codec

import (
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// MsgpackToPythonJSON appends valid MessagePack as Python's json.dumps writes it: a space behind commas and colons,
// nothing beyond ASCII, NaN and infinities as they are called there. Bytes are an error.
func MsgpackToPythonJSON(dst, b []byte) ([]byte, *Error) {
	w := pythonWriter{packReader: packReader{b: b}, dst: dst}
	err := w.value()
	return w.dst, err
}

type pythonWriter struct {
	packReader
	dst []byte
}

func (w *pythonWriter) value() *Error {
	k := w.next()
	switch k.kind {
	case kindBool:
		w.dst = strconv.AppendBool(w.dst, k.n == 1)
	case kindInt:
		w.dst = strconv.AppendInt(w.dst, k.n, 10)
	case kindUint:
		w.dst = strconv.AppendUint(w.dst, k.u, 10)
	case kindFloat:
		w.dst = appendPythonFloat(w.dst, k.f)
	case kindText:
		w.dst = AppendPythonText(w.dst, text(k.data))
	case kindBytes:
		return problem("bytes have no form in JSON")
	case kindArray:
		return w.array(k.n)
	case kindMap:
		return w.object(k.n)
	default:
		w.dst = append(w.dst, "null"...)
	}
	return nil
}

func (w *pythonWriter) array(n int64) *Error {
	w.dst = append(w.dst, '[')
	for i := range int(n) {
		if i > 0 {
			w.dst = append(w.dst, ", "...)
		}
		if err := w.value(); err != nil {
			return err.inIndex(i)
		}
	}
	w.dst = append(w.dst, ']')
	return nil
}

func (w *pythonWriter) object(n int64) *Error {
	w.dst = append(w.dst, '{')
	for i := range n {
		if i > 0 {
			w.dst = append(w.dst, ", "...)
		}
		key := text(w.next().data)
		w.dst = append(AppendPythonText(w.dst, key), ": "...)
		if err := w.value(); err != nil {
			return err.inKey(key)
		}
	}
	w.dst = append(w.dst, '}')
	return nil
}

// appendPythonFloat writes what Python's repr gives: the shortest digits, with an exponent below 1e-4 and from 1e16 on.
func appendPythonFloat(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	if abs := math.Abs(f); abs != 0 && (abs < 1e-4 || abs >= 1e16) {
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	from := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	for _, c := range dst[from:] {
		if c == '.' {
			return dst
		}
	}
	return append(dst, ".0"...)
}

// AppendPythonText appends valid UTF-8 as a JSON string in ASCII.
func AppendPythonText(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for {
		i := 0
		for i < len(s) && s[i] >= ' ' && s[i] <= '~' && s[i] != '"' && s[i] != '\\' { // Python escapes DEL too
			i++
		}
		dst = append(dst, s[:i]...)
		if s = s[i:]; s == "" {
			return append(dst, '"')
		}
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == 0x7f:
			dst = appendUnit(dst, r)
		case r < utf8.RuneSelf:
			dst = appendEscaped(dst, byte(r))
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			dst = appendUnit(appendUnit(dst, high), low)
		default:
			dst = appendUnit(dst, r)
		}
		s = s[size:]
	}
}

// appendUnit appends the escape of a UTF-16 code unit.
func appendUnit(dst []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}
