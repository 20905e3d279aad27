package codec

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// CutMsgpack returns a packed map without the pair of a key, and that pair's value; a nil value means that the map has no
// such pair, and then rest is b itself. No more is checked than it takes to find the pair.
func CutMsgpack(b []byte, key string) (rest, value []byte, err *Error) {
	if !bytes.Contains(b, bytesOf(key)) {
		return b, nil, nil
	}
	r := packReader{b: b}
	head := r.next()
	if head.kind != kindMap {
		return b, nil, nil
	}
	first := r.i
	for range head.n {
		pair := r.i
		if !r.skip() {
			return nil, nil, broken(pair)
		}
		at := r.i
		if !r.skip() {
			return nil, nil, broken(at)
		}
		if at-pair <= len(key) || !bytes.HasSuffix(b[pair:at], bytesOf(key)) {
			continue
		}
		if k := (&packReader{b: b, i: pair}).next(); k.kind != kindText || string(k.data) != key {
			continue
		}
		rest = make([]byte, 0, len(b)-(r.i-pair))
		rest = appendPackedMap(rest, int(head.n)-1)
		rest = append(rest, b[first:pair]...)
		return append(rest, b[r.i:]...), b[at:r.i], nil
	}
	return b, nil, nil
}

// skip passes over a value, and reports whether there is a whole one.
func (r *packReader) skip() bool {
	for pending := uint64(1); pending > 0; pending-- {
		if r.i >= len(r.b) {
			return false
		}
		c := r.b[r.i]
		r.i++
		var size, within uint64 // bytes and values that follow
		ok := true
		switch {
		case c < mpFixMap || c >= mpNegative:
		case c < mpFixArray:
			within = 2 * uint64(c&15)
		case c < mpFixStr:
			within = uint64(c & 15)
		case c < mpNil:
			size = uint64(c & 31)
		case c == 0xc1:
			return false
		case c <= mpTrue:
		case c <= mpBin32:
			size, ok = r.uint(1 << (c - mpBin8))
		case c < mpFloat32:
			size, ok = r.uint(1 << (c - mpExt8))
			size++
		case c <= mpFloat64:
			size = 4 << (c - mpFloat32)
		case c <= mpUint64:
			size = 1 << (c - mpUint8)
		case c <= mpInt64:
			size = 1 << (c - mpInt8)
		case c < mpStr8:
			size = 1 + 1<<(c-mpFixExt1)
		case c <= mpStr32:
			size, ok = r.uint(1 << (c - mpStr8))
		case c <= mpArray32:
			within, ok = r.uint(2 << (c - mpArray16))
		default:
			within, ok = r.uint(2 << (c - mpMap16))
			within *= 2
		}
		left := uint64(len(r.b) - r.i)
		if !ok || size > left {
			return false
		}
		r.i += int(size)
		if pending += within; pending-1 > left-size {
			return false
		}
	}
	return true
}

// extension reads what follows the first byte of an extension type.
func (r *packReader) extension(c byte) (code int8, data []byte, ok bool) {
	size, ok := uint64(1)<<(c-mpFixExt1), true
	if c < mpFixExt1 {
		size, ok = r.uint(1 << (c - mpExt8))
	}
	if !ok || r.i >= len(r.b) {
		return 0, nil, false
	}
	code = int8(r.b[r.i])
	r.i++
	t := r.bytes(kindExtension, size, true)
	return code, t.data, t.kind == kindExtension
}

// The first bytes of MessagePack's extension types.
const (
	mpExt8    = 0xc7
	mpFixExt1 = 0xd4
)

// UnpackTexts returns the texts of a packed value that is one text or an array of them.
func UnpackTexts(b []byte) ([]string, *Error) {
	r := packReader{b: b}
	t := r.next()
	n := int64(1)
	switch t.kind {
	case kindArray:
		if n = t.n; n > int64(len(b)-r.i) {
			return nil, broken(0)
		}
	case kindText:
		r.i = 0
	default:
		return nil, problem("it is neither a string nor a list of strings")
	}
	texts := make([]string, n)
	all := string(b) // once, not for each
	for i := range texts {
		t := r.next()
		if t.kind != kindText {
			return nil, problem("it is not a string").inIndex(i)
		}
		if !utf8.Valid(t.data) {
			return nil, problem("the string is not UTF-8").inIndex(i)
		}
		texts[i] = all[r.i-len(t.data) : r.i]
	}
	if r.i < len(b) {
		return nil, problem(fmt.Sprintf("%d bytes follow it", len(b)-r.i))
	}
	return texts, nil
}

// AppendPackedPair appends a packed map with one pair more, its last: key, and value, which is a string or a []string.
func AppendPackedPair(dst, packed []byte, key string, value any) []byte {
	r := packReader{b: packed}
	n := r.next().n
	dst = appendPackedMap(dst, int(n)+1)
	dst = append(dst, packed[r.i:]...)
	dst = appendPackedText(dst, key)
	switch value := value.(type) {
	case string:
		dst = appendPackedText(dst, value)
	case []string:
		dst = appendPackedArray(dst, len(value))
		for _, s := range value {
			dst = appendPackedText(dst, s)
		}
	}
	return dst
}
