// Package codec has the two encodings of messages: strict JSON and MessagePack.
//
// Scan functions check foreign bytes and find a message's type in one pass; decode and transcode functions take only
// bytes that a scan or an encoder has passed, and check nothing. Values are nil, bool, int64, uint64 beyond that,
// float64, string, []byte, []any and map[string]any.
package codec

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// MaxDepth is how deep arrays and objects may nest, the message itself included.
const MaxDepth = 64

// TypeKey is the key of a message's type.
const TypeKey = "type"

// Error says what is refused, and where: Path is ".data.items[3]".
type Error struct {
	Path, Problem string
}

func problem(text string) *Error { return &Error{Problem: text} }

var errDepth = "it is nested deeper than " + strconv.Itoa(MaxDepth) + " levels"

// maxPath is where a path is cut.
const maxPath = 200

// inKey and inIndex tell the error of a value where that lies.
func (e *Error) inKey(key string) *Error {
	if simpleKey(key) {
		return e.in("." + key)
	}
	return e.in("[" + Quote(key) + "]")
}

func (e *Error) inIndex(i int) *Error { return e.in("[" + strconv.Itoa(i) + "]") }

func (e *Error) in(place string) *Error {
	e.Path = place + e.Path
	if len(e.Path) > maxPath {
		e.Path = strings.ToValidUTF8(e.Path[:maxPath], "") + "..."
	}
	return e
}

func simpleKey(key string) bool {
	if key == "" || len(key) > 40 {
		return false
	}
	for i := range len(key) {
		switch c := key[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// Quote quotes s, cut to 40 bytes or so.
func Quote(s string) string {
	if len(s) <= 40 {
		return strconv.Quote(s)
	}
	end := 40
	for end > 36 && !utf8.RuneStart(s[end]) {
		end--
	}
	return strconv.Quote(s[:end]) + "..."
}

// aliasBelow is the size up to which decoded strings share the message's bytes. Beyond it, a short string that is kept
// would keep too much alive.
const aliasBelow = 4096

// bytesOf returns s as bytes, which must not be written.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// text returns b as a string; b is never written again.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// keyset finds keys that an object has twice. One serves all objects that are open at a time: each has its keys at the
// end of open, from where it began.
type keyset struct {
	open [][]byte
}

// manyKeys is how many keys are compared one by one.
const manyKeys = 24

// add reports whether the object whose keys begin at from has the key already. seen is the object's own.
func (k *keyset) add(key []byte, from int, seen *map[string]struct{}) bool {
	keys := k.open[from:]
	k.open = append(k.open, key)
	if *seen == nil && len(keys) < manyKeys {
		for _, other := range keys {
			if string(other) == string(key) {
				return true
			}
		}
		return false
	}
	if *seen == nil {
		*seen = make(map[string]struct{}, 4*manyKeys)
		for _, other := range keys {
			(*seen)[text(other)] = struct{}{}
		}
	}
	_, double := (*seen)[text(key)]
	(*seen)[text(key)] = struct{}{}
	return double
}

// close forgets the keys of an object and of those within it.
func (k *keyset) close(from int) {
	clear(k.open[from:])
	k.open = k.open[:from]
}

// reset makes the set fit to be pooled.
func (k *keyset) reset() {
	clear(k.open)
	k.open = k.open[:0]
	if cap(k.open) > 1024 {
		k.open = nil
	}
}

// sortedKeys appends m's keys to keys, sorted.
func sortedKeys(keys []string, m map[string]any) []string {
	from := len(keys)
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys[from:])
	return keys
}
