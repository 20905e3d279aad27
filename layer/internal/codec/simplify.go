package codec

import (
	"bytes"
	"encoding"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
)

// rawJSON is the checked JSON of a value that encodes itself.
type rawJSON []byte

var (
	anyMap  = reflect.TypeFor[map[string]any]()
	anyList = reflect.TypeFor[[]any]()
)

// simplify turns any Go value into one of those that the encoders know: their own types, []byte, map[string]any, []any,
// int, rawJSON. What is within it is simplified when the encoder gets there.
func simplify(v any, depth int) (any, *Error) {
	switch v := v.(type) {
	case []string:
		if v == nil {
			return nil, nil
		}
		list := make([]any, len(v))
		for i, s := range v {
			list[i] = s
		}
		return list, nil
	case json.Number:
		return viaJSON(v, depth)
	case float32:
		// Of the float64s that round to it, the one a person would write.
		f, _ := strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', -1, 32), 64)
		return f, nil
	}
	r := reflect.ValueOf(v)
	switch v.(type) {
	case json.Marshaler, encoding.TextMarshaler:
		if r.Kind() == reflect.Pointer && r.IsNil() {
			return nil, nil
		}
		return viaJSON(v, depth)
	}
	switch r.Kind() {
	case reflect.Bool:
		return r.Bool(), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return r.Int(), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return r.Uint(), nil
	case reflect.Float32:
		return simplify(float32(r.Float()), depth)
	case reflect.Float64:
		return r.Float(), nil
	case reflect.String:
		return r.String(), nil
	case reflect.Pointer:
		return pointee(r, depth)
	case reflect.Slice, reflect.Array:
		return simpleList(r), nil
	case reflect.Map:
		if r.Type().Key().Kind() == reflect.String && !r.Type().Key().Implements(reflect.TypeFor[encoding.TextMarshaler]()) {
			return simpleMap(r), nil
		}
		return viaJSON(v, depth)
	case reflect.Struct:
		return viaJSON(v, depth)
	}
	return nil, problem("a " + r.Type().String() + " cannot be encoded")
}

// pointee follows pointers, but not for ever.
func pointee(r reflect.Value, depth int) (any, *Error) {
	for range MaxDepth {
		if r.IsNil() {
			return nil, nil
		}
		r = r.Elem()
		if r.Kind() == reflect.Interface {
			r = r.Elem()
		}
		switch {
		case !r.IsValid():
			return nil, nil
		case r.Kind() == reflect.Struct:
			return viaJSON(r.Addr().Interface(), depth)
		case r.Kind() != reflect.Pointer:
			return r.Interface(), nil
		}
	}
	return nil, problem(errDepth)
}

func simpleList(r reflect.Value) any {
	if r.Kind() == reflect.Slice {
		switch {
		case r.IsNil():
			return nil
		case r.Type().ConvertibleTo(anyList):
			return r.Convert(anyList).Interface()
		case r.Type().Elem().Kind() == reflect.Uint8:
			return r.Bytes()
		}
	}
	list := make([]any, r.Len())
	for i := range list {
		list[i] = r.Index(i).Interface()
	}
	return list
}

func simpleMap(r reflect.Value) any {
	if r.IsNil() {
		return nil
	}
	if r.Type().ConvertibleTo(anyMap) {
		return r.Convert(anyMap).Interface()
	}
	m := make(map[string]any, r.Len())
	for it := r.MapRange(); it.Next(); {
		m[it.Key().String()] = it.Value().Interface()
	}
	return m
}

// viaJSON lets encoding/json encode v, and checks what came of it.
func viaJSON(v any, depth int) (any, *Error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, problem("a " + reflect.TypeOf(v).String() + " cannot be encoded: " + cut(err.Error()))
	}
	raw := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	if err := CheckJSON(raw, depth); err != nil {
		err.Problem = "a " + reflect.TypeOf(v).String() + " encodes as JSON that is refused: " + err.Problem
		return nil, err
	}
	return rawJSON(raw), nil
}

func cut(s string) string {
	if len(s) <= maxPath {
		return s
	}
	return strings.ToValidUTF8(s[:maxPath], "") + "..."
}

// TypeOf returns a string of any string type.
func TypeOf(v any) string { return reflect.ValueOf(v).String() }
