package layer

import (
	"sync"
	"sync/atomic"
)

// memos is a list of what was made of an envelope; it only grows.
type memos struct {
	first atomic.Pointer[memo]
}

type memo struct {
	key   any
	next  *memo
	once  sync.Once
	value any
}

// Memo returns what build returned when it was first called for this key, and calls it if it was not. It is how
// a transport makes one form of a message for all its receivers. Callers with the same key wait for the first. key is
// compared with ==; one of a type that no other package has, such as a pointer, avoids clashes. build must not call Memo
// with its own key. A hit allocates nothing. The zero Envelope remembers nothing.
func (e Envelope) Memo(key any, build func() any) any {
	if e.p == nil {
		return build()
	}
	m := e.p.memos.find(key)
	m.once.Do(func() { m.value = build() })
	return m.value
}

func (l *memos) find(key any) *memo {
	var added *memo
	for {
		first := l.first.Load()
		for m := first; m != nil; m = m.next {
			if m.key == key {
				return m
			}
		}
		if added == nil {
			added = &memo{key: key}
		}
		added.next = first
		if l.first.CompareAndSwap(first, added) {
			return added
		}
	}
}
