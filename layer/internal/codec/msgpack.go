package codec

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// The first bytes of MessagePack's forms, in the order of the specification.
const (
	mpFixMap   = 0x80
	mpFixArray = 0x90
	mpFixStr   = 0xa0
	mpNil      = 0xc0
	mpFalse    = 0xc2
	mpTrue     = 0xc3
	mpBin8     = 0xc4
	mpBin16    = 0xc5
	mpBin32    = 0xc6
	mpFloat32  = 0xca
	mpFloat64  = 0xcb
	mpUint8    = 0xcc
	mpUint16   = 0xcd
	mpUint32   = 0xce
	mpUint64   = 0xcf
	mpInt8     = 0xd0
	mpInt16    = 0xd1
	mpInt32    = 0xd2
	mpInt64    = 0xd3
	mpStr8     = 0xd9
	mpStr16    = 0xda
	mpStr32    = 0xdb
	mpArray16  = 0xdc
	mpArray32  = 0xdd
	mpMap16    = 0xde
	mpMap32    = 0xdf
	mpNegative = 0xe0
)

// AppendMsgpack appends v as MessagePack, each value in its shortest form and keys sorted.
func AppendMsgpack(dst []byte, v any) ([]byte, *Error) {
	e := encoders.Get().(*encoder)
	defer e.free()
	return e.msgpack(dst, v, 1)
}

func (e *encoder) msgpack(dst []byte, v any, depth int) ([]byte, *Error) {
	switch v := v.(type) {
	case nil:
		return append(dst, mpNil), nil
	case string:
		if !utf8.ValidString(v) {
			return dst, problem("the string is not UTF-8")
		}
		return appendPackedText(dst, v), nil
	case bool:
		return appendPackedBool(dst, v), nil
	case int:
		return appendPackedInt(dst, int64(v)), nil
	case int64:
		return appendPackedInt(dst, v), nil
	case uint64:
		return appendPackedUint(dst, v), nil
	case float64:
		return appendPackedFloat(dst, v), nil
	case []byte:
		if v == nil {
			return append(dst, mpNil), nil
		}
		return append(appendPackedHead(dst, len(v), -1, 0, mpBin8, mpBin16, mpBin32), v...), nil
	case map[string]any:
		return e.packedMap(dst, v, depth)
	case []any:
		return e.packedArray(dst, v, depth)
	case rawJSON:
		return JSONToMsgpack(dst, v), nil
	}
	plain, err := simplify(v, depth)
	if err != nil {
		return dst, err
	}
	return e.msgpack(dst, plain, depth)
}

func (e *encoder) packedMap(dst []byte, m map[string]any, depth int) ([]byte, *Error) {
	if m == nil {
		return append(dst, mpNil), nil
	}
	if depth > MaxDepth {
		return dst, problem(errDepth)
	}
	from := len(e.keys)
	e.keys = sortedKeys(e.keys, m)
	to := len(e.keys)
	dst = appendPackedMap(dst, len(m))
	for i := from; i < to; i++ {
		key := e.keys[i]
		if !utf8.ValidString(key) {
			return dst, problem("the key " + Quote(key) + " is not UTF-8")
		}
		var err *Error
		dst = appendPackedText(dst, key)
		if dst, err = e.msgpack(dst, m[key], depth+1); err != nil {
			return dst, err.inKey(key)
		}
	}
	e.closeKeys(from)
	return dst, nil
}

func (e *encoder) packedArray(dst []byte, list []any, depth int) ([]byte, *Error) {
	if list == nil {
		return append(dst, mpNil), nil
	}
	if depth > MaxDepth {
		return dst, problem(errDepth)
	}
	dst = appendPackedArray(dst, len(list))
	for i, v := range list {
		var err *Error
		if dst, err = e.msgpack(dst, v, depth+1); err != nil {
			return dst, err.inIndex(i)
		}
	}
	return dst, nil
}

func appendPackedBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, mpTrue)
	}
	return append(dst, mpFalse)
}

func appendPackedFloat(dst []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, mpFloat64), math.Float64bits(f))
}

func appendPackedText(dst []byte, s string) []byte {
	return append(appendPackedHead(dst, len(s), 31, mpFixStr, mpStr8, mpStr16, mpStr32), s...)
}

func appendPackedArray(dst []byte, n int) []byte {
	return appendPackedHead(dst, n, 15, mpFixArray, 0, mpArray16, mpArray32)
}

func appendPackedMap(dst []byte, n int) []byte {
	return appendPackedHead(dst, n, 15, mpFixMap, 0, mpMap16, mpMap32)
}

// appendPackedHead appends a length: within the first byte up to maxFix, else behind one of the others; a zero form
// does not exist.
func appendPackedHead(dst []byte, n, maxFix int, fix, form8, form16, form32 byte) []byte {
	switch {
	case n <= maxFix:
		return append(dst, fix|byte(n))
	case n <= math.MaxUint8 && form8 != 0:
		return append(dst, form8, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, form16), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, form32), uint32(n))
}

func appendPackedInt(dst []byte, n int64) []byte {
	switch {
	case n >= 0:
		return appendPackedUint(dst, uint64(n))
	case n >= -32:
		return append(dst, byte(n))
	case n >= math.MinInt8:
		return append(dst, mpInt8, byte(n))
	case n >= math.MinInt16:
		return binary.BigEndian.AppendUint16(append(dst, mpInt16), uint16(n))
	case n >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(dst, mpInt32), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, mpInt64), uint64(n))
}

func appendPackedUint(dst []byte, n uint64) []byte {
	switch {
	case n <= math.MaxInt8:
		return append(dst, byte(n))
	case n <= math.MaxUint8:
		return append(dst, mpUint8, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, mpUint16), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, mpUint32), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, mpUint64), n)
}
