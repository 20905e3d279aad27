package codec

import (
	"fmt"
	"sync"
	"unicode/utf8"
)

type packScanner struct {
	packReader
	keys keyset
	typ  string
}

var packScanners = sync.Pool{New: func() any { return new(packScanner) }}

func (s *packScanner) free() {
	s.keys.reset()
	*s = packScanner{keys: s.keys}
	packScanners.Put(s)
}

func (s *packScanner) message() *Error {
	t := s.next()
	switch t.kind {
	case kindMap:
		return s.pairs(t.n, 1)
	case kindNone:
		return broken(0)
	}
	return problem("it is not a map")
}

// broken says that no value could be read at byte at.
func broken(at int) *Error {
	return problem(fmt.Sprintf("byte %d begins no whole value", at))
}

// value checks a value; depth is that of an array or map beginning here.
func (s *packScanner) value(depth int) *Error {
	at := s.i
	t := s.next()
	switch t.kind {
	case kindNone:
		return broken(at)
	case kindExtension:
		return problem("it is of an extension type")
	case kindText:
		if !utf8.Valid(t.data) {
			return problem("the string is not UTF-8")
		}
	case kindArray:
		return s.values(t.n, depth)
	case kindMap:
		return s.pairs(t.n, depth)
	}
	return nil
}

// fits checks that n values of one byte or more can follow.
func (s *packScanner) fits(n int64, depth int) *Error {
	if depth > MaxDepth {
		return problem(errDepth)
	}
	if left := int64(len(s.b) - s.i); n > left {
		return problem(fmt.Sprintf("it announces %d values where %d bytes are left", n, left))
	}
	return nil
}

func (s *packScanner) values(n int64, depth int) *Error {
	if err := s.fits(n, depth); err != nil {
		return err
	}
	for i := range int(n) {
		if err := s.value(depth + 1); err != nil {
			return err.inIndex(i)
		}
	}
	return nil
}

func (s *packScanner) pairs(n int64, depth int) *Error {
	if err := s.fits(2*n, depth); err != nil {
		return err
	}
	from := len(s.keys.open)
	var seen map[string]struct{}
	for range n {
		key, err := s.key()
		if err != nil {
			return err
		}
		if s.keys.add(key, from, &seen) {
			return problem("the key is there twice").inKey(string(key))
		}
		at := s.i
		if err := s.value(depth + 1); err != nil {
			return err.inKey(string(key))
		}
		if depth == 1 && string(key) == TypeKey {
			t := (&packReader{b: s.b, i: at}).next()
			if t.kind != kindText {
				return problem("it is not a string").inKey(TypeKey)
			}
			s.typ = text(t.data)
		}
	}
	s.keys.close(from)
	return nil
}

func (s *packScanner) key() ([]byte, *Error) {
	at := s.i
	t := s.next()
	switch {
	case t.kind == kindNone:
		return nil, broken(at)
	case t.kind != kindText:
		return nil, problem("a key is not a string")
	case !utf8.Valid(t.data):
		return nil, problem("the key " + Quote(string(t.data)) + " is not UTF-8")
	}
	return t.data, nil
}
