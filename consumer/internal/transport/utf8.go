package transport

import "unicode/utf8"

// utf8Checker checks text that comes in pieces, and fails at the first byte
// that can't be part of it.
type utf8Checker struct {
	cut [utf8.UTFMax]byte // the beginning of a rune whose end is to come
	n   int
}

// feed reports whether the text is still valid.
func (u *utf8Checker) feed(p []byte) bool {
	for u.n > 0 && len(p) > 0 {
		u.cut[u.n] = p[0]
		u.n++
		p = p[1:]
		if utf8.FullRune(u.cut[:u.n]) {
			if r, size := utf8.DecodeRune(u.cut[:u.n]); r == utf8.RuneError && size < u.n {
				return false
			}
			u.n = 0
		}
	}
	for i := 1; i < utf8.UTFMax && i <= len(p); i++ {
		if end := p[len(p)-i:]; utf8.RuneStart(end[0]) {
			if !utf8.FullRune(end) {
				u.n = copy(u.cut[:], end)
				p = p[:len(p)-i]
			}
			break
		}
	}
	return utf8.Valid(p)
}

// done reports whether the text ends at the end of a rune.
func (u *utf8Checker) done() bool { return u.n == 0 }
