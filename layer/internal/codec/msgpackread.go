package codec

import (
	"encoding/binary"
	"fmt"
	"math"
)

// kind is what a MessagePack value is.
type kind uint8

const (
	kindNone kind = iota // no such form, or the bytes end within it
	kindNil
	kindBool
	kindInt
	kindUint // beyond an int64
	kindFloat
	kindText
	kindBytes
	kindArray
	kindMap
	kindExtension
)

// token is the head of a value, and for texts and bytes where they lie.
type token struct {
	kind kind
	n    int64 // the int; 1 for true; for an array or map how many values or pairs follow
	u    uint64
	f    float64
	data []byte
}

// packReader reads MessagePack, head by head.
type packReader struct {
	b []byte
	i int
}

// next reads one head; its kind is kindNone at the end of the bytes or when they make no sense.
func (r *packReader) next() token {
	if r.i >= len(r.b) {
		return token{}
	}
	c := r.b[r.i]
	r.i++
	switch {
	case c < mpFixMap:
		return token{kind: kindInt, n: int64(c)}
	case c < mpFixArray:
		return token{kind: kindMap, n: int64(c & 15)}
	case c < mpFixStr:
		return token{kind: kindArray, n: int64(c & 15)}
	case c < mpNil:
		return r.bytes(kindText, uint64(c&31), true)
	case c >= mpNegative:
		return token{kind: kindInt, n: int64(int8(c))}
	}
	switch c {
	case mpNil:
		return token{kind: kindNil}
	case mpFalse:
		return token{kind: kindBool}
	case mpTrue:
		return token{kind: kindBool, n: 1}
	case mpFloat32:
		u, ok := r.uint(4)
		return valid(ok, token{kind: kindFloat, f: float64(math.Float32frombits(uint32(u)))})
	case mpFloat64:
		u, ok := r.uint(8)
		return valid(ok, token{kind: kindFloat, f: math.Float64frombits(u)})
	case mpUint8, mpUint16, mpUint32, mpUint64:
		u, ok := r.uint(1 << (c - mpUint8))
		if u > math.MaxInt64 {
			return valid(ok, token{kind: kindUint, u: u})
		}
		return valid(ok, token{kind: kindInt, n: int64(u)})
	case mpInt8, mpInt16, mpInt32, mpInt64:
		size := 1 << (c - mpInt8)
		u, ok := r.uint(size)
		unused := 64 - 8*size
		return valid(ok, token{kind: kindInt, n: int64(u<<unused) >> unused})
	case mpStr8, mpStr16, mpStr32:
		u, ok := r.uint(1 << (c - mpStr8))
		return r.bytes(kindText, u, ok)
	case mpBin8, mpBin16, mpBin32:
		u, ok := r.uint(1 << (c - mpBin8))
		return r.bytes(kindBytes, u, ok)
	case mpArray16, mpArray32:
		u, ok := r.uint(2 << (c - mpArray16))
		return valid(ok, token{kind: kindArray, n: int64(u)})
	case mpMap16, mpMap32:
		u, ok := r.uint(2 << (c - mpMap16))
		return valid(ok, token{kind: kindMap, n: int64(u)})
	case 0xc1:
		return token{}
	}
	return token{kind: kindExtension}
}

func valid(ok bool, t token) token {
	if !ok {
		return token{}
	}
	return t
}

func (r *packReader) uint(size int) (uint64, bool) {
	if size > len(r.b)-r.i {
		return 0, false
	}
	b := r.b[r.i : r.i+size]
	r.i += size
	switch size {
	case 1:
		return uint64(b[0]), true
	case 2:
		return uint64(binary.BigEndian.Uint16(b)), true
	case 4:
		return uint64(binary.BigEndian.Uint32(b)), true
	}
	return binary.BigEndian.Uint64(b), true
}

func (r *packReader) bytes(k kind, size uint64, ok bool) token {
	if !ok || size > uint64(len(r.b)-r.i) {
		return token{}
	}
	from := r.i
	r.i += int(size)
	return token{kind: k, data: r.b[from:r.i]}
}

// DecodeMsgpack returns the value of b, which must be valid. What it returns is the caller's.
func DecodeMsgpack(b []byte) any {
	d := packDecoder{packReader: packReader{b: b}, alias: len(b) <= aliasBelow}
	return d.value()
}

type packDecoder struct {
	packReader
	alias bool
}

func (d *packDecoder) value() any {
	t := d.next()
	switch t.kind {
	case kindBool:
		return t.n == 1
	case kindInt:
		return t.n
	case kindUint:
		return t.u
	case kindFloat:
		return t.f
	case kindText:
		return d.text(t.data)
	case kindBytes:
		return append(make([]byte, 0, len(t.data)), t.data...)
	case kindArray:
		list := make([]any, t.n)
		for i := range list {
			list[i] = d.value()
		}
		return list
	case kindMap:
		m := make(map[string]any, t.n)
		for range t.n {
			key := d.text(d.next().data)
			m[key] = d.value()
		}
		return m
	}
	return nil
}

func (d *packDecoder) text(b []byte) string {
	if d.alias {
		return text(b)
	}
	return string(b)
}

// ScanMsgpack checks that b is one MessagePack map with text keys, and returns its type, "" if it has none. Lengths are
// held against what is there before anything relies on them; extension types are refused.
func ScanMsgpack(b []byte) (string, *Error) {
	s := packScanners.Get().(*packScanner)
	defer s.free()
	s.b = b
	if err := s.message(); err != nil {
		return "", err
	}
	if s.i < len(b) {
		return "", problem(fmt.Sprintf("%d bytes follow it", len(b)-s.i))
	}
	return s.typ, nil
}
