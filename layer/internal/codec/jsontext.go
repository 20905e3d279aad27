package codec

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"unicode/utf8"
)

// text reads a string, quotes included.
func (s *scanner) text(i int) int {
	b := s.b
	for i++; ; {
		i = skipPlain(b, i)
		if i >= len(b) {
			return s.fail("it ends within a string")
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			if i = s.escape(i); i < 0 {
				return i
			}
		case c < ' ':
			return s.fail(fmt.Sprintf("byte %d is the control character 0x%02x, unescaped in a string", i, c))
		default:
			r, size := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && size == 1 {
				return s.fail(fmt.Sprintf("byte %d is not UTF-8", i))
			}
			i += size
		}
	}
}

// skipPlain passes over what is neither quote, backslash, control character nor beyond ASCII, eight bytes at a time.
func skipPlain(b []byte, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for i+8 <= len(b) {
		w := binary.LittleEndian.Uint64(b[i:])
		quote, back := w^(ones*'"'), w^(ones*'\\')
		if found := (w | (w - ones*' ') | (quote - ones) | (back - ones)) & highs; found != 0 {
			return i + bits.TrailingZeros64(found)/8 // the first is right, even if borrows set more
		}
		i += 8
	}
	for i < len(b) && b[i] >= ' ' && b[i] < utf8.RuneSelf && b[i] != '"' && b[i] != '\\' {
		i++
	}
	return i
}

func (s *scanner) escape(i int) int {
	if i+1 >= len(s.b) {
		return s.fail("it ends within a string")
	}
	switch s.b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
	default:
		return s.fail(fmt.Sprintf("byte %d begins no JSON escape", i))
	}
	unit, ok := hex4(s.b, i+2)
	if !ok {
		return s.fail(fmt.Sprintf("byte %d begins no JSON escape", i))
	}
	switch {
	case unit < 0xd800 || unit > 0xdfff:
		return i + 6
	case unit < 0xdc00 && i+7 < len(s.b) && s.b[i+6] == '\\' && s.b[i+7] == 'u':
		if low, ok := hex4(s.b, i+8); ok && 0xdc00 <= low && low <= 0xdfff {
			return i + 12
		}
	}
	return s.fail(fmt.Sprintf("byte %d begins half a surrogate pair", i))
}

func hex4(b []byte, i int) (rune, bool) {
	if i+4 > len(b) {
		return 0, false
	}
	var r rune
	for _, c := range b[i : i+4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
