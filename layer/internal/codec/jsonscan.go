package codec

import (
	"fmt"
	"strconv"
	"sync"
	"unicode/utf8"
)

// ScanJSON checks that b is one strict JSON object, and returns its type, "" if it has none. Strict means: UTF-8, no
// lone surrogates, no key twice, numbers within 64 bits, nothing after the object, no key that only a careless reader
// takes for "type". The type shares b's bytes.
func ScanJSON(b []byte) (string, *Error) {
	s := scanners.Get().(*scanner)
	defer s.free()
	s.b, s.message = b, true
	i := s.space(0)
	if i == len(b) {
		return "", problem("it is empty")
	}
	if b[i] != '{' {
		return "", problem("it is not a JSON object: it begins with " + quoteByte(b[i]))
	}
	if i = s.whole(i, 1); i < 0 {
		return "", s.err
	}
	return s.typ, nil
}

// CheckJSON checks any JSON value as strictly, for a place depth levels deep.
func CheckJSON(b []byte, depth int) *Error {
	s := scanners.Get().(*scanner)
	defer s.free()
	s.b = b
	s.whole(s.space(0), depth)
	return s.err
}

// scanner reads JSON in one pass. Its methods take a position and return the one behind what they read, or -1.
type scanner struct {
	b       []byte
	keys    keyset
	typ     string
	message bool // b is a message, so its outermost object is looked at for the type
	err     *Error
}

var scanners = sync.Pool{New: func() any { return new(scanner) }}

func (s *scanner) free() {
	s.keys.reset()
	*s = scanner{keys: s.keys}
	scanners.Put(s)
}

func (s *scanner) fail(text string) int {
	s.err = problem(text)
	return -1
}

// unexpected says what is at i instead of what belongs there.
func (s *scanner) unexpected(i int, instead string) int {
	if i >= len(s.b) {
		return s.fail("it ends where " + instead + " belongs")
	}
	return s.fail(fmt.Sprintf("byte %d is %s where %s belongs", i, quoteByte(s.b[i]), instead))
}

func quoteByte(c byte) string {
	if c < utf8.RuneSelf {
		return strconv.QuoteRune(rune(c))
	}
	return fmt.Sprintf("0x%02x", c)
}

func (s *scanner) space(i int) int {
	for i < len(s.b) && (s.b[i] == ' ' || s.b[i] == '\n' || s.b[i] == '\t' || s.b[i] == '\r') {
		i++
	}
	return i
}

// whole reads a value that is all there is.
func (s *scanner) whole(i, depth int) int {
	if i = s.value(i, depth); i < 0 {
		return i
	}
	if i = s.space(i); i < len(s.b) {
		return s.unexpected(i, "the end")
	}
	return i
}

// value reads a value; depth is that of an array or object beginning here.
func (s *scanner) value(i, depth int) int {
	if i >= len(s.b) {
		return s.unexpected(i, "a value")
	}
	switch c := s.b[i]; c {
	case '"':
		return s.text(i)
	case '{', '[':
		if depth > MaxDepth {
			return s.fail(errDepth)
		}
		if c == '{' {
			return s.object(i, depth)
		}
		return s.array(i, depth)
	case 't':
		return s.word(i, "true")
	case 'f':
		return s.word(i, "false")
	case 'n':
		return s.word(i, "null")
	}
	return s.number(i)
}

func (s *scanner) word(i int, word string) int {
	end := i + len(word)
	if end > len(s.b) || string(s.b[i:end]) != word {
		return s.unexpected(i, "a value")
	}
	return end
}

func (s *scanner) array(i, depth int) int {
	if i = s.space(i + 1); i < len(s.b) && s.b[i] == ']' {
		return i + 1
	}
	for n := 0; ; n++ {
		if i = s.value(i, depth+1); i < 0 {
			s.err.inIndex(n)
			return i
		}
		i = s.space(i)
		switch {
		case i < len(s.b) && s.b[i] == ',':
			i = s.space(i + 1)
		case i < len(s.b) && s.b[i] == ']':
			return i + 1
		default:
			return s.unexpected(i, "',' or ']'")
		}
	}
}

func (s *scanner) object(i, depth int) int {
	if i = s.space(i + 1); i < len(s.b) && s.b[i] == '}' {
		return i + 1
	}
	from := len(s.keys.open)
	var seen map[string]struct{}
	for {
		if i >= len(s.b) || s.b[i] != '"' {
			return s.unexpected(i, "a key")
		}
		start := i + 1
		if i = s.text(i); i < 0 {
			return i
		}
		key := plainText(s.b[start : i-1])
		if s.keys.add(key, from, &seen) {
			s.fail("the key is there twice")
			s.err.inKey(string(key))
			return -1
		}
		if i = s.space(i); i >= len(s.b) || s.b[i] != ':' {
			return s.unexpected(i, "':'")
		}
		i = s.space(i + 1)
		start = i
		if i = s.value(i, depth+1); i < 0 {
			s.err.inKey(string(key))
			return i
		}
		if depth == 1 && len(key) == len(TypeKey) && s.message && !s.takeType(key, s.b[start:i]) {
			return -1
		}
		i = s.space(i)
		switch {
		case i < len(s.b) && s.b[i] == ',':
			i = s.space(i + 1)
		case i < len(s.b) && s.b[i] == '}':
			s.keys.close(from)
			return i + 1
		default:
			return s.unexpected(i, "',' or '}'")
		}
	}
}

// takeType looks at a pair of the message whose key may be "type".
func (s *scanner) takeType(key, value []byte) bool {
	if string(key) == TypeKey {
		if value[0] != '"' {
			s.fail("it is not a string")
			s.err.inKey(TypeKey)
			return false
		}
		s.typ = text(plainText(value[1 : len(value)-1]))
		return true
	}
	if LikeType(text(key)) {
		s.fail(`the key differs from "type" in case only`)
		s.err.inKey(string(key))
		return false
	}
	return true
}

// LikeType reports whether key is "type" in other case.
func LikeType(key string) bool {
	return len(key) == 4 && key != TypeKey &&
		key[0]|0x20 == 't' && key[1]|0x20 == 'y' && key[2]|0x20 == 'p' && key[3]|0x20 == 'e'
}

func (s *scanner) digits(i int) int {
	for i < len(s.b) && s.b[i]-'0' < 10 {
		i++
	}
	return i
}

func (s *scanner) number(start int) int {
	i := start
	if s.b[i] == '-' {
		i++
	}
	first := i
	if i = s.digits(i); i == first {
		if first == start {
			return s.unexpected(i, "a value")
		}
		return s.unexpected(i, "a digit")
	}
	if i > first+1 && s.b[first] == '0' {
		return s.fail(fmt.Sprintf("byte %d begins a number with a superfluous zero", start))
	}
	whole := true
	if i < len(s.b) && s.b[i] == '.' {
		whole = false
		point := i
		if i = s.digits(i + 1); i == point+1 {
			return s.unexpected(i, "a digit")
		}
	}
	if i < len(s.b) && s.b[i]|0x20 == 'e' {
		whole = false
		i++
		if i < len(s.b) && (s.b[i] == '+' || s.b[i] == '-') {
			i++
		}
		exponent := i
		if i = s.digits(i); i == exponent {
			return s.unexpected(i, "a digit")
		}
	}
	return s.inRange(s.b[start:i], whole, i)
}

// inRange returns i if the number can be held.
func (s *scanner) inRange(number []byte, whole bool, i int) int {
	var err error
	switch {
	case whole && len(number) <= 18, !whole && len(number) < 300 && !hasExponent(number):
		return i
	case whole && number[0] == '-':
		_, err = strconv.ParseInt(text(number), 10, 64)
	case whole:
		_, err = strconv.ParseUint(text(number), 10, 64)
	default:
		_, err = strconv.ParseFloat(text(number), 64)
	}
	if err == nil {
		return i
	}
	if whole {
		return s.fail("the integer " + cutNumber(number) + " does not fit 64 bits")
	}
	return s.fail("the number " + cutNumber(number) + " is beyond a float64")
}

func hasExponent(number []byte) bool {
	for _, c := range number {
		if c|0x20 == 'e' {
			return true
		}
	}
	return false
}

func cutNumber(number []byte) string {
	if len(number) <= 40 {
		return string(number)
	}
	return string(number[:40]) + "..."
}
