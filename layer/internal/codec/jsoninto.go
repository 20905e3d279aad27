package codec

import (
	"encoding/json"
	"reflect"
	"strconv"
)

// DecodeInto decodes b, a valid object, into the struct that v points to, as encoding/json does and faster, and reports
// whether it could. If not, v may be set in part, and encoding/json is to be asked: for the value, or for the error.
func DecodeInto(b []byte, v any) bool {
	p := reflect.ValueOf(v)
	if p.Kind() != reflect.Pointer || p.IsNil() || p.Elem().Kind() != reflect.Struct {
		return false
	}
	s := shapeOf(p.Type().Elem())
	if s == nil {
		return false
	}
	d := jsonReader{b: b, alias: len(b) <= aliasBelow}
	d.space()
	return d.into(p.Elem(), s)
}

// into decodes an object into a struct.
func (d *jsonReader) into(v reflect.Value, s *shape) bool {
	for d.next(); d.b[d.i] != '}'; d.comma() {
		f := s.field(d.key())
		d.space()
		d.next()
		switch {
		case f == nil:
			d.skip()
		case !d.field(v.Field(f.index), f):
			return false
		}
	}
	d.i++
	return true
}

// field decodes a value into a struct's field. Null leaves the field as it is, where the field can't be nil.
func (d *jsonReader) field(v reflect.Value, f *field) bool {
	c := d.b[d.i]
	switch {
	case f.is == other:
		start := d.i
		d.skip()
		return json.Unmarshal(d.b[start:d.i], v.Addr().Interface()) == nil
	case c == 'n':
		d.i += len("null")
		return true
	case f.is == aString && c == '"':
		v.SetString(d.string())
		return true
	case f.is == aBool && (c == 't' || c == 'f'):
		v.SetBool(c == 't')
		d.skip()
		return true
	case f.is == aStruct && c == '{':
		return d.into(v, f.shape)
	case c == '-' || c-'0' < 10:
		return setNumber(v, f.is, d.number())
	}
	return false
}

func setNumber(v reflect.Value, is way, b []byte) bool {
	var err error
	switch is {
	case anInt:
		var n int64
		if n, err = strconv.ParseInt(text(b), 10, v.Type().Bits()); err == nil {
			v.SetInt(n)
		}
	case aUint:
		var n uint64
		if n, err = strconv.ParseUint(text(b), 10, v.Type().Bits()); err == nil {
			v.SetUint(n)
		}
	case aFloat:
		var n float64
		if n, err = strconv.ParseFloat(text(b), v.Type().Bits()); err == nil {
			v.SetFloat(n)
		}
	default:
		return false
	}
	return err == nil
}

// key passes over a key and returns it; it may share b.
func (d *jsonReader) key() string { return text(plainText(d.rawString())) }

// skip passes over a value.
func (d *jsonReader) skip() {
	depth := 0
	for {
		switch d.b[d.i] {
		case '"':
			d.rawString()
		case '{', '[':
			depth++
			d.i++
		case '}', ']':
			depth--
			d.i++
		case ',', ':', ' ', '\n', '\t', '\r':
			d.i++
			continue
		case 't', 'n':
			d.i += len("true")
		case 'f':
			d.i += len("false")
		default:
			d.number()
		}
		if depth == 0 {
			return
		}
	}
}
