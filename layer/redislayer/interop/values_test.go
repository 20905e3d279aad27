package interop_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// pack writes a value so that peer.py's unpack makes the same of it in Python.
func pack(v any) any {
	switch v := v.(type) {
	case []byte:
		return args{"$bytes": hex.EncodeToString(v)}
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return args{"$float": strings.ToLower(strconv.FormatFloat(v, 'g', -1, 64))}
		}
	case map[string]any:
		m := args{}
		for k, inner := range v {
			m[k] = pack(inner)
		}
		return m
	case []any:
		s := make([]any, len(v))
		for i, inner := range v {
			s[i] = pack(inner)
		}
		return s
	}
	return v
}

// unpack is the reverse for what peer.py's pack wrote, with the types that a layer's messages have.
func unpack(b []byte) (any, error) {
	if len(b) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return unpackValue(v)
}

func unpackValue(v any) (any, error) {
	var err error
	switch v := v.(type) {
	case json.Number:
		return unpackNumber(string(v))
	case []any:
		for i := range v {
			if v[i], err = unpackValue(v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		if s, ok := v["$bytes"].(string); ok {
			return hex.DecodeString(s)
		}
		if s, ok := v["$float"].(string); ok {
			return strconv.ParseFloat(s, 64)
		}
		if s, ok := v["$repr"].(string); ok {
			return nil, fmt.Errorf("the Python side has a value without a twin in Go: %s", s)
		}
		for k := range v {
			if v[k], err = unpackValue(v[k]); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

func unpackNumber(s string) (any, error) {
	if strings.ContainsAny(s, ".eE") {
		return strconv.ParseFloat(s, 64)
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, nil
	}
	return strconv.ParseUint(s, 10, 64)
}

// same says whether two values of messages are equal, NaN to NaN, and of the same types.
func same(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k, v := range a {
			if other, ok := b[k]; !ok || !same(v, other) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, same)
	case []byte:
		b, ok := b.([]byte)
		return ok && bytes.Equal(a, b)
	case float64:
		b, ok := b.(float64)
		return ok && (a == b || math.IsNaN(a) && math.IsNaN(b))
	}
	return a == b
}
