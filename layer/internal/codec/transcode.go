package codec

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
)

// JSONToMsgpack appends valid JSON as MessagePack, keys in the same order.
func JSONToMsgpack(dst, b []byte) []byte {
	t := packWriter{jsonReader: jsonReader{b: b}, dst: dst}
	t.space()
	t.value()
	return t.dst
}

type packWriter struct {
	jsonReader
	dst []byte
}

func (t *packWriter) value() {
	switch t.b[t.i] {
	case '"':
		t.text()
	case '{':
		at, n := len(t.dst), 0
		t.dst = append(t.dst, mpFixMap)
		for t.next(); t.b[t.i] != '}'; t.comma() {
			t.text()
			t.space()
			t.next()
			t.value()
			n++
		}
		t.i++
		t.patch(at, n, mpMap16, mpMap32)
	case '[':
		at, n := len(t.dst), 0
		t.dst = append(t.dst, mpFixArray)
		for t.next(); t.b[t.i] != ']'; t.comma() {
			t.value()
			n++
		}
		t.i++
		t.patch(at, n, mpArray16, mpArray32)
	case 't':
		t.i += len("true")
		t.dst = append(t.dst, mpTrue)
	case 'f':
		t.i += len("false")
		t.dst = append(t.dst, mpFalse)
	case 'n':
		t.i += len("null")
		t.dst = append(t.dst, mpNil)
	default:
		t.number()
	}
}

func (t *packWriter) text() {
	t.dst = appendPackedText(t.dst, text(plainText(t.rawString())))
}

func (t *packWriter) number() {
	b := t.jsonReader.number()
	if f, ok := fraction(b); ok {
		t.dst = appendPackedFloat(t.dst, f)
		return
	}
	n, u := integer(b)
	if u > math.MaxInt64 {
		t.dst = appendPackedUint(t.dst, u)
		return
	}
	t.dst = appendPackedInt(t.dst, n)
}

// patch writes into the head at dst[at] how many values followed it.
func (t *packWriter) patch(at, n int, form16, form32 byte) {
	var size [4]byte
	switch {
	case n <= 15:
		t.dst[at] |= byte(n)
	case n <= math.MaxUint16:
		t.dst[at] = form16
		binary.BigEndian.PutUint16(size[:], uint16(n))
		t.dst = slices.Insert(t.dst, at+1, size[:2]...)
	default:
		t.dst[at] = form32
		binary.BigEndian.PutUint32(size[:], uint32(n))
		t.dst = slices.Insert(t.dst, at+1, size[:]...)
	}
}

// MsgpackToJSON appends valid MessagePack as JSON, keys in the same order and bytes as base64. NaN and infinities are
// an error.
func MsgpackToJSON(dst, b []byte) ([]byte, *Error) {
	t := jsonWriter{packReader: packReader{b: b}, dst: dst}
	err := t.value()
	return t.dst, err
}

type jsonWriter struct {
	packReader
	dst []byte
}

func (t *jsonWriter) value() *Error {
	k := t.next()
	switch k.kind {
	case kindBool:
		t.dst = strconv.AppendBool(t.dst, k.n == 1)
	case kindInt:
		t.dst = strconv.AppendInt(t.dst, k.n, 10)
	case kindUint:
		t.dst = strconv.AppendUint(t.dst, k.u, 10)
	case kindFloat:
		if math.IsNaN(k.f) || math.IsInf(k.f, 0) {
			return problem(strconv.FormatFloat(k.f, 'g', -1, 64) + " has no form in JSON")
		}
		t.dst = appendFloat(t.dst, k.f)
	case kindText:
		t.dst, _ = appendText(t.dst, text(k.data))
	case kindBytes:
		t.dst = append(t.dst, '"')
		t.dst = base64.StdEncoding.AppendEncode(t.dst, k.data)
		t.dst = append(t.dst, '"')
	case kindArray:
		return t.array(k.n)
	case kindMap:
		return t.object(k.n)
	default:
		t.dst = append(t.dst, "null"...)
	}
	return nil
}

func (t *jsonWriter) array(n int64) *Error {
	t.dst = append(t.dst, '[')
	for i := range int(n) {
		if i > 0 {
			t.dst = append(t.dst, ',')
		}
		if err := t.value(); err != nil {
			return err.inIndex(i)
		}
	}
	t.dst = append(t.dst, ']')
	return nil
}

func (t *jsonWriter) object(n int64) *Error {
	t.dst = append(t.dst, '{')
	for i := range n {
		if i > 0 {
			t.dst = append(t.dst, ',')
		}
		key := text(t.next().data)
		t.dst, _ = appendText(t.dst, key)
		t.dst = append(t.dst, ':')
		if err := t.value(); err != nil {
			return err.inKey(key)
		}
	}
	t.dst = append(t.dst, '}')
	return nil
}
