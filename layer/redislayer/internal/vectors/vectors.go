// Package vectors reads the golden vectors of the wire format, for tests.
package vectors

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

// folder is the variable of the environment that names a folder of vectors.
const folder = "CHANNELS_VECTORS"

// module returns the folder of the module. A test runs in that of its package.
func module() string {
	dir := "."
	for range 4 {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		dir = filepath.Join("..", dir)
	}
	return dir
}

// Read reads a file of vectors from the folder that CHANNELS_VECTORS names, or else from the module's own, and fails the
// test if there are none.
func Read[T any](t testing.TB, name string) []T {
	t.Helper()
	dir := os.Getenv(folder)
	if dir == "" {
		dir = filepath.Join(module(), "testdata", "vectors")
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

// Value is a Python value as vectors write it.
type Value struct {
	Value  any  // as Go decodes it; maps and lists within hold such values, not Values
	None   bool // Go has no form for it
	Sorted bool // the keys of all dicts are sorted
	Exact  bool // strings are as Python has them, not mended
	Names  any  // what the core layer put in: nil, a string or a []string; known after Message
	Last   bool // the names are the last in the message, where Encode puts them
}

// UnmarshalJSON implements [json.Unmarshaler].
func (v *Value) UnmarshalJSON(b []byte) error {
	v.Sorted, v.Exact = true, true
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var err error
	v.Value, err = v.read(d, 1)
	return err
}

// read reads the next value. depth is that of a dict or list beginning there.
func (v *Value) read(d *json.Decoder, depth int) (any, error) {
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

func (v *Value) deep(depth int) {
	if depth > 64 {
		v.None = true
	}
}

func (v *Value) text(s string) string {
	if strings.ContainsRune(s, utf8.RuneError) {
		v.Exact = false
	}
	return s
}

func (v *Value) integer(s string) (any, error) {
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
	v.None = true
	return n, nil
}

func (v *Value) dict(d *json.Decoder, depth int) (any, error) {
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
			v.Sorted = false
		}
		last = key
		if depth == 1 {
			v.Last = key == channelKey
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
func (v *Value) special(key string, item any, depth int) (any, bool, error) {
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
				v.Exact = false
			default:
				v.None = true
			}
		}
		v.deep(depth)
		return m, true, nil
	}
	v.None = true
	return nil, true, nil
}

// generated returns a value that vectors only name.
func (v *Value) generated(name string) any {
	at := strings.LastIndexByte(name, '_')
	n, err := strconv.Atoi(name[at+1:])
	if err != nil {
		v.None = true
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
	v.None = true
	return nil
}

// Message returns the value as a message, without the channel names that the core layer puts in, and those; ok is false
// if Go refuses such a message.
func (v *Value) Message() (m map[string]any, names []string, ok bool) {
	if v == nil { // None
		return nil, nil, false
	}
	m, ok = v.Value.(map[string]any)
	if !ok || v.None {
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
		v.Names, names = n, []string{n}
	case []any:
		names = []string{}
		for _, name := range n {
			text, ok := name.(string)
			if !ok {
				return nil, nil, false
			}
			names = append(names, text)
		}
		v.Names = names
	default:
		if _, there := m[channelKey]; there {
			return nil, nil, false
		}
	}
	return plain, names, true
}

// channelKey is the key of the names.
const channelKey = "__asgi_channel__"
