package wire_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// readVectors reads a file of vectors, from the folder that CHANNELS_VECTORS names or the module's own.
func readVectors[T any](t testing.TB, name string) []T {
	t.Helper()
	dir := os.Getenv("CHANNELS_VECTORS")
	if dir == "" {
		dir = filepath.Join("..", "..", "testdata", "vectors")
	}
	b, err := os.ReadFile(filepath.Join(dir, name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []T }
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if len(file.Cases) == 0 {
		t.Fatalf("%s has no cases", name)
	}
	return file.Cases
}

// pythonValue is a Python value as vectors write it.
type pythonValue struct {
	value  any  // as Go decodes it; maps and lists within hold such values, not pythonValues
	none   bool // Go has no form for it
	sorted bool // the keys of all dicts are sorted
	exact  bool // strings are as Python has them, not mended
	names  any  // what the core layer put in: nil, a string or a []string
	last   bool // the names are the last in the message, where Encode puts them
}

func (v *pythonValue) UnmarshalJSON(b []byte) error {
	v.sorted, v.exact = true, true
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var err error
	v.value, err = v.read(d, 1)
	return err
}

// read reads the next value. depth is that of a dict or list beginning there.
func (v *pythonValue) read(d *json.Decoder, depth int) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Number:
		return v.integer(string(t))
	case string:
		return v.text(t), nil
	case json.Delim:
		if t == '[' {
			list := []any{}
			for d.More() {
				item, err := v.read(d, depth+1)
				if err != nil {
					return nil, err
				}
				list = append(list, item)
			}
			v.deep(depth)
			_, err := d.Token()
			return list, err
		}
		return v.dict(d, depth)
	}
	return t, nil
}

func (v *pythonValue) deep(depth int) {
	if depth > 64 {
		v.none = true
	}
}

func (v *pythonValue) text(s string) string {
	if strings.ContainsRune(s, utf8.RuneError) {
		v.exact = false
	}
	return s
}

func (v *pythonValue) integer(s string) (any, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, nil
	}
	if u, err := strconv.ParseUint(s, 10, 64); err == nil {
		return u, nil
	}
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		return nil, fmt.Errorf("no integer: %s", s)
	}
	v.none = true
	return n, nil
}

func (v *pythonValue) dict(d *json.Decoder, depth int) (any, error) {
	m := map[string]any{}
	var special any
	last, dollar := "", false
	for first := true; d.More(); first = false {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		key := v.text(t.(string))
		if first && slices.Contains(specialKeys, key) {
			dollar = true
		}
		if !first && key < last && !dollar && key != channelKey {
			v.sorted = false
		}
		last = key
		if depth == 1 {
			v.last = key == channelKey
		}
		item, err := v.read(d, depth+1)
		if err != nil {
			return nil, err
		}
		m[key] = item
		if dollar {
			if value, ok, err := v.special(key, item, depth); err != nil {
				return nil, err
			} else if ok {
				special = value
			}
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if dollar {
		return special, nil
	}
	v.deep(depth)
	return m, nil
}

var specialKeys = []string{"$bytes", "$int", "$float", "$bits", "$pairs", "$generated", "$repr"}

// special returns what the pair of a key of ours stands for.
func (v *pythonValue) special(key string, item any, depth int) (any, bool, error) {
	switch key {
	case "$bytes":
		b, err := hex.DecodeString(item.(string))
		return b, true, err
	case "$int":
		n, err := v.integer(item.(string))
		return n, true, err
	case "$bits":
		bits, err := strconv.ParseUint(item.(string), 16, 64)
		return math.Float64frombits(bits), true, err
	case "$float":
		return nil, false, nil
	case "$generated":
		return v.generated(item.(string)), true, nil
	case "$pairs":
		m := map[string]any{}
		for _, pair := range item.([]any) {
			switch key := pair.([]any)[0].(type) {
			case string:
				m[key] = pair.([]any)[1]
			case []byte:
				m[string(key)] = pair.([]any)[1]
				v.exact = false
			default:
				v.none = true
			}
		}
		v.deep(depth)
		return m, true, nil
	}
	v.none = true
	return nil, true, nil
}

// generated returns a value that vectors only name.
func (v *pythonValue) generated(name string) any {
	at := strings.LastIndexByte(name, '_')
	n, err := strconv.Atoi(name[at+1:])
	if err != nil {
		v.none = true
		return nil
	}
	switch name[:at] {
	case "str_len":
		return map[string]any{"data": strings.Repeat("x", n)}
	case "bytes_len":
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(i)
		}
		return map[string]any{"v": b}
	case "list_len":
		list := make([]any, n)
		for i := range list {
			list[i] = int64(0)
		}
		return map[string]any{"v": list}
	case "dict_len":
		m := map[string]any{}
		for i := range n {
			m[fmt.Sprintf("k%05d", i)] = int64(i)
		}
		return map[string]any{"v": m}
	}
	v.none = true
	return nil
}

// message returns the value as a message, without the channel names that the core layer puts in, and those; ok is false
// if Go refuses such a message.
func (v *pythonValue) message() (m map[string]any, names []string, ok bool) {
	if v == nil { // None
		return nil, nil, false
	}
	m, ok = v.value.(map[string]any)
	if !ok || v.none {
		return nil, nil, false
	}
	if t, typed := m["type"]; typed {
		if _, ok = t.(string); !ok {
			return nil, nil, false
		}
	}
	plain := maps.Clone(m)
	delete(plain, channelKey)
	switch n := m[channelKey].(type) {
	case string:
		v.names, names = n, []string{n}
	case []any:
		names = []string{}
		for _, name := range n {
			text, ok := name.(string)
			if !ok {
				return nil, nil, false
			}
			names = append(names, text)
		}
		v.names = names
	default:
		if _, there := m[channelKey]; there {
			return nil, nil, false
		}
	}
	return plain, names, true
}

// channelKey is the key of the names.
const channelKey = "__asgi_channel__"
