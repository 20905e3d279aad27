package layer

import (
	"fmt"
	"reflect"

	"github.com/gochannels/channels/layer/internal/codec"
)

// Message is what layers carry: Python's dict. The key "type" says which handler it is for.
//
// [Encode] takes any Go value that has a JSON form. What comes out at the other end is nil, bool, string, int64, uint64
// for what is beyond it, float64, []byte, []any and map[string]any.
type Message map[string]any

// Type returns the message's type, "" if it has none that is a string.
func (m Message) Type() string {
	t, _ := m[codec.TypeKey].(string)
	return t
}

// maxType is the longest type that is sent, in bytes.
const maxType = 100

// check looks at what only the message itself can have.
func (m Message) check() error {
	t, ok := m[codec.TypeKey]
	if !ok {
		return &MessageError{Problem: "it has no type"}
	}
	name, ok := t.(string)
	if !ok && t != nil && reflect.TypeOf(t).Kind() == reflect.String {
		name, ok = reflect.ValueOf(t).String(), true
	}
	switch {
	case !ok:
		return typeError(fmt.Sprintf("it is %s, not a string", kindOf(t)))
	case name == "":
		return typeError("it is empty")
	case len(name) > maxType:
		return typeError(fmt.Sprintf("it has %d bytes, more than %d: %s", len(name), maxType, codec.Quote(name)))
	}
	for i := range len(name) {
		if name[i] < ' ' || name[i] > '~' {
			return typeError("it is not printable ASCII: " + codec.Quote(name))
		}
	}
	if _, ok := m["__asgi_channel__"]; ok {
		return &MessageError{Path: ".__asgi_channel__", Problem: "the key is reserved"}
	}
	for key := range m {
		if codec.LikeType(key) {
			return &MessageError{Path: "." + key, Problem: `the key differs from "type" in case only`}
		}
	}
	return nil
}

func typeError(problem string) error {
	return &MessageError{Path: "." + codec.TypeKey, Problem: problem}
}

func kindOf(v any) string {
	if v == nil {
		return "nil"
	}
	return "of Go type " + reflect.TypeOf(v).String()
}
