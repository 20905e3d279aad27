package codec

import (
	"fmt"
	"unicode/utf8"
)

// LooseMsgpack reads any one MessagePack value as Python's msgpack.unpackb does, as far as Go has a form for it. Beyond
// what ScanMsgpack takes: keys that are bytes become strings, of keys that are there twice the last counts, and extension
// types become arrays of their code and bytes, as Python's ExtType is a tuple of them. Timestamps are refused.
func LooseMsgpack(b []byte) (any, *Error) {
	r := looseUnpacker{packReader{b: b}}
	v, err := r.value(1)
	if err != nil {
		return nil, err
	}
	if r.i < len(b) {
		return nil, problem(fmt.Sprintf("%d bytes follow it", len(b)-r.i))
	}
	return v, nil
}

type looseUnpacker struct {
	packReader
}

// timestampCode is the code of the extension type that MessagePack itself defines.
const timestampCode = -1

func (r *looseUnpacker) value(depth int) (any, *Error) {
	at := r.i
	t := r.next()
	switch t.kind {
	case kindNone:
		return nil, broken(at)
	case kindBool:
		return t.n == 1, nil
	case kindInt:
		return t.n, nil
	case kindUint:
		return t.u, nil
	case kindFloat:
		return t.f, nil
	case kindText:
		if !utf8.Valid(t.data) {
			return nil, problem("the string is not UTF-8")
		}
		return string(t.data), nil
	case kindBytes:
		return append([]byte{}, t.data...), nil
	case kindExtension:
		code, data, ok := r.extension(r.b[at])
		switch {
		case !ok:
			return nil, broken(at)
		case code == timestampCode:
			return nil, problem("it is a timestamp, an extension type")
		}
		return []any{int64(code), append([]byte{}, data...)}, nil
	case kindArray, kindMap:
		if depth > MaxDepth {
			return nil, problem(errDepth)
		}
		if t.kind == kindArray {
			return r.array(t.n, depth)
		}
		return r.object(t.n, depth)
	}
	return nil, nil
}

func (r *looseUnpacker) array(n int64, depth int) (any, *Error) {
	list := []any{} // it grows with what is there, not with what is announced
	for i := range int(n) {
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err.inIndex(i)
		}
		list = append(list, v)
	}
	return list, nil
}

func (r *looseUnpacker) object(n int64, depth int) (any, *Error) {
	m := map[string]any{}
	kinds := map[string]kind{}
	for range n {
		at := r.i
		t := r.next()
		switch {
		case t.kind == kindNone:
			return nil, broken(at)
		case t.kind != kindText && t.kind != kindBytes:
			return nil, problem("a key is neither a string nor bytes, which Python refuses too")
		case !utf8.Valid(t.data):
			return nil, problem("the key " + Quote(string(t.data)) + " is not UTF-8")
		}
		key := string(t.data)
		if before, ok := kinds[key]; ok && before != t.kind {
			return nil, problem("the key is there as a string and as bytes").inKey(key)
		}
		kinds[key] = t.kind
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err.inKey(key)
		}
		m[key] = v
	}
	return m, nil
}
