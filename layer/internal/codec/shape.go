package codec

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
	"sync"
	"unicode"
)

// shape is what decoding into a struct needs to know of its type.
type shape struct {
	fields []field // in the order of the type
}

type field struct {
	name  string
	index int
	is    way
	shape *shape // of a struct
}

// way is how a field is decoded.
type way byte

const (
	other way = iota // by encoding/json
	aString
	aBool
	anInt
	aUint
	aFloat
	aStruct
)

// field returns the field of a key, or nil: by its name, or else by its name whatever the case.
func (s *shape) field(key string) *field {
	for i := range s.fields {
		if s.fields[i].name == key {
			return &s.fields[i]
		}
	}
	for i := range s.fields {
		if strings.EqualFold(s.fields[i].name, key) {
			return &s.fields[i]
		}
	}
	return nil
}

var shapes sync.Map // of *shape, by reflect.Type

// shapeOf returns nil for a struct of which only encoding/json knows how it is decoded.
func shapeOf(t reflect.Type) *shape {
	if s, ok := shapes.Load(t); ok {
		return s.(*shape)
	}
	s := newShape(t)
	shapes.Store(t, s)
	return s
}

func newShape(t reflect.Type) *shape {
	if decodesItself(t) {
		return nil
	}
	s := &shape{}
	seen := map[string]bool{}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			return nil
		}
		tag := f.Tag.Get("json")
		if !f.IsExported() || tag == "-" {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		if name == "" {
			name = f.Name
		} else if strings.ContainsFunc(name, odd) {
			return nil
		}
		if seen[name] || strings.Contains(options, "string") {
			return nil
		}
		seen[name] = true
		s.fields = append(s.fields, newField(name, i, f.Type))
	}
	return s
}

// odd reports whether a tag with such a rune may not be taken for a name.
func odd(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '-' && r != '.'
}

func newField(name string, index int, t reflect.Type) field {
	f := field{name: name, index: index}
	if decodesItself(t) || t == reflect.TypeFor[json.Number]() {
		return f
	}
	switch k := t.Kind(); {
	case k == reflect.String:
		f.is = aString
	case k == reflect.Bool:
		f.is = aBool
	case k >= reflect.Int && k <= reflect.Int64:
		f.is = anInt
	case k >= reflect.Uint && k <= reflect.Uintptr:
		f.is = aUint
	case k == reflect.Float32 || k == reflect.Float64:
		f.is = aFloat
	case k == reflect.Struct:
		if f.shape = shapeOf(t); f.shape != nil {
			f.is = aStruct
		}
	}
	return f
}

func decodesItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(reflect.TypeFor[json.Unmarshaler]()) || p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}
