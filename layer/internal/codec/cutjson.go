package codec

import "bytes"

// CutJSON returns a JSON object without the member of a key, and that member's value. A nil value means that no such
// member was found, be it that b is no object, and then rest is b itself. If rest and value are valid JSON, b was.
func CutJSON(b []byte, key string) (rest, value []byte) {
	if !bytes.Contains(b, bytesOf(key)) {
		return b, nil
	}
	c := cutter{b: b}
	if c.space(); !c.take('{') {
		return b, nil
	}
	for comma := -1; ; comma = c.i - 1 {
		c.space()
		from := c.i
		if !c.text() {
			return b, nil
		}
		found := string(b[from+1:c.i-1]) == key
		if c.space(); !c.take(':') {
			return b, nil
		}
		c.space()
		at := c.i
		if !c.value() {
			return b, nil
		}
		value = b[at:c.i]
		if c.space(); c.take(',') {
			if !found {
				continue
			}
			if c.space(); c.i < len(b) && b[c.i] == '"' {
				return splice(b, from, c.i), value
			}
			return b, nil
		}
		if !found || c.i >= len(b) || b[c.i] != '}' {
			return b, nil
		}
		if comma >= 0 {
			from = comma
		}
		return splice(b, from, c.i), value
	}
}

func splice(b []byte, from, to int) []byte {
	return append(append(make([]byte, 0, len(b)-(to-from)), b[:from]...), b[to:]...)
}

// cutter finds where JSON values end, and checks no more than that takes.
type cutter struct {
	b []byte
	i int
}

func (c *cutter) space() {
	for ; c.i < len(c.b); c.i++ {
		switch c.b[c.i] {
		case ' ', '\n', '\t', '\r':
		default:
			return
		}
	}
}

func (c *cutter) take(want byte) bool {
	if c.i >= len(c.b) || c.b[c.i] != want {
		return false
	}
	c.i++
	return true
}

// text passes over a string.
func (c *cutter) text() bool {
	if !c.take('"') {
		return false
	}
	for {
		c.i = skipPlain(c.b, c.i)
		if c.i >= len(c.b) {
			return false
		}
		switch c.b[c.i] {
		case '"':
			c.i++
			return true
		case '\\':
			c.i++
		}
		c.i++
	}
}

// value passes over a value. It must not be empty.
func (c *cutter) value() bool {
	open, from := 0, c.i
	for c.i < len(c.b) {
		switch c.b[c.i] {
		case '"':
			if !c.text() {
				return false
			}
			continue
		case '{', '[':
			open++
		case '}', ']':
			if open == 0 {
				return c.i > from
			}
			open--
		case ',', ' ', '\n', '\t', '\r':
			if open == 0 {
				return c.i > from
			}
		}
		c.i++
	}
	return false
}
