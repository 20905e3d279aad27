package consumertest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
)

// ExpectJSON receives a message and fails the test, with a diff, unless it is a
// text frame that holds the same JSON as want encoded by encoding/json does.
// Numbers are the same if their values are: 1 and 1.0, but not two integers
// that only a float64 confuses.
func (c *WebsocketCommunicator) ExpectJSON(want any) {
	c.t.Helper()
	b, err := json.Marshal(want)
	if err != nil {
		c.fatal("ExpectJSON", "%v", err)
		return
	}
	wanted, err := decodeJSON(b, exact)
	if err != nil {
		c.fatal("ExpectJSON", "%v", err)
		return
	}
	f, ok := c.nextJSON("ExpectJSON")
	if !ok {
		return
	}
	got, err := decodeJSON(f.Data, exact)
	if err != nil {
		c.fatal("ExpectJSON", "%v in %s", err, describe(f))
		return
	}
	if diff := cmp.Diff(wanted, got, cmp.Comparer(sameNumber)); diff != "" {
		c.fatal("ExpectJSON", "mismatch (-want +got):\n%s", diff)
	}
}

// ReceiveJSON receives a message and decodes it into v, a pointer, as
// encoding/json does; into a *consumer.Message as a consumer would get it, and
// into a *map[string]any or *any with integers as int64. The test fails if it
// isn't a text frame of JSON that fits.
func (c *WebsocketCommunicator) ReceiveJSON(v any) {
	c.t.Helper()
	f, ok := c.nextJSON("ReceiveJSON")
	if !ok {
		return
	}
	if err := unmarshal(f.Data, v); err != nil {
		c.fatal("ReceiveJSON", "%v in %s", err, describe(f))
	}
}

func (c *WebsocketCommunicator) nextJSON(op string) (consumer.Frame, bool) {
	c.t.Helper()
	f, ok := c.next(op, "JSON")
	if ok && f.Binary {
		c.fatal(op, "want JSON in a text frame, got %s", describe(f))
		return f, false
	}
	return f, ok
}

// number is a number as it was written. It is not a json.Number, as a diff would
// show that as text.
type number string

func exact(n json.Number) (any, error) { return number(n), nil }

// decodeJSON makes of each number what it is told to.
func decodeJSON(b []byte, of func(json.Number) (any, error)) (any, error) {
	var v any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	return replace(v, of)
}

func sameNumber(a, b number) bool {
	const longest = 400 // more than any float64 has; 1e999999999 would fill the memory
	if a == b {
		return true
	}
	if exponent(a) > longest || exponent(b) > longest {
		return false
	}
	x, okX := new(big.Rat).SetString(string(a))
	y, okY := new(big.Rat).SetString(string(b))
	return okX && okY && x.Cmp(y) == 0
}

// exponent returns the size of the exponent n is written with.
func exponent(n number) int {
	_, digits, ok := strings.Cut(strings.ToLower(string(n)), "e")
	if !ok {
		return 0
	}
	e, err := strconv.Atoi(digits)
	if err != nil {
		return math.MaxInt
	}
	return max(e, -e)
}

func unmarshal(b []byte, v any) error {
	switch v := v.(type) {
	case *consumer.Message:
		if v == nil {
			return errors.New("cannot decode into a nil *consumer.Message")
		}
		e, err := layer.ParseJSON(b)
		if err == nil {
			*v, err = e.Message()
		}
		return err
	case *map[string]any, *any:
	default:
		return json.Unmarshal(b, v)
	}
	decoded, err := decodeJSON(b, plain)
	if err != nil {
		return err
	}
	object, isObject := decoded.(map[string]any)
	switch v := v.(type) {
	case *any:
		*v = decoded
		return nil
	case *map[string]any:
		*v = object
	}
	if !isObject {
		return errors.New("not a JSON object")
	}
	return nil
}

// plain returns the Go number a consumer gets.
func plain(n json.Number) (any, error) {
	if i, err := n.Int64(); err == nil {
		return i, nil
	}
	if u, err := strconv.ParseUint(string(n), 10, 64); err == nil {
		return u, nil
	}
	f, err := n.Float64()
	if err != nil {
		return nil, fmt.Errorf("the number %s: %w", n, err)
	}
	return f, nil
}

// replace replaces each json.Number in v.
func replace(v any, by func(json.Number) (any, error)) (any, error) {
	var err error
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if v[key], err = replace(value, by); err != nil {
				return nil, err
			}
		}
	case []any:
		for i, value := range v {
			if v[i], err = replace(value, by); err != nil {
				return nil, err
			}
		}
	case json.Number:
		return by(v)
	}
	return v, nil
}
