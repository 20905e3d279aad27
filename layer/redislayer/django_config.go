package redislayer

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer/internal/hosts"
)

// djangoConfig is a CONFIG.
type djangoConfig struct {
	options      Options
	randomPrefix *int
	values       map[string]json.RawMessage // those that are not null
	warnings     []string
}

// djangoArguments are the arguments of both layers of channels_redis. A nil function means that there is nothing to read.
var djangoArguments = map[string]func(*djangoConfig, any) error{
	"hosts":                     (*djangoConfig).setHosts,
	"prefix":                    func(c *djangoConfig, v any) error { return setText(&c.options.Prefix, v) },
	"serializer_format":         func(c *djangoConfig, v any) error { return setText(&c.options.Format, v) },
	"expiry":                    func(c *djangoConfig, v any) error { return setSeconds(&c.options.Expiry, v) },
	"group_expiry":              func(c *djangoConfig, v any) error { return setSeconds(&c.options.GroupExpiry, v) },
	"capacity":                  func(c *djangoConfig, v any) error { return setNumber(&c.options.Capacity, v, 1) },
	"symmetric_encryption_keys": (*djangoConfig).setKeys,
	"random_prefix_length": func(c *djangoConfig, v any) error {
		c.randomPrefix = new(int)
		return setNumber(c.randomPrefix, v, -1<<30)
	},
	"channel_capacity": nil, // its order counts, which a map would lose
	"on_disconnect":    nil,
	"on_reconnect":     nil,
}

func (c *djangoConfig) read(config json.RawMessage) error {
	if err := json.Unmarshal(orNull(config), &c.values); err != nil {
		return errors.New("it is not a dict")
	}
	maps.DeleteFunc(c.values, func(_ string, v json.RawMessage) bool { return string(v) == "null" })
	for _, name := range slices.Sorted(maps.Keys(c.values)) {
		set, known := djangoArguments[name]
		switch {
		case !known:
			return fmt.Errorf("channels_redis has no argument %q", name)
		case name == "channel_capacity":
			if err := c.setChannelCapacity(c.values[name]); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		case set != nil:
			v, err := decodeDjango(c.values[name], name == "symmetric_encryption_keys")
			if err == nil {
				err = set(c, v)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return nil
}

func orNull(b json.RawMessage) json.RawMessage {
	if len(b) == 0 {
		return json.RawMessage("null")
	}
	return b
}

// given returns which of the arguments there are.
func (c *djangoConfig) given(names ...string) []string {
	return slices.DeleteFunc(names, func(name string) bool { return c.values[name] == nil })
}

func (c *djangoConfig) setHosts(v any) error {
	list, ok := v.([]any)
	if !ok {
		return errors.New("it must be a list of hosts, even if there is only one")
	}
	c.options.Hosts = list
	return nil
}

func (c *djangoConfig) setKeys(v any) error {
	if name, ok := v.(fromEnv); ok {
		return c.setKeysFromEnv(name)
	}
	list, ok := v.([]any)
	if !ok {
		return errors.New("it must be a list of keys, even if there is only one")
	}
	for i, v := range list {
		if name, ok := v.(fromEnv); ok {
			if err := c.setKeysFromEnv(name); err != nil {
				return err
			}
			continue
		}
		key, ok := v.(string)
		if !ok {
			return fmt.Errorf("key %d is %s, not a string", i, kindOf(v))
		}
		c.options.EncryptionKeys = append(c.options.EncryptionKeys, key)
	}
	return nil
}

func (c *djangoConfig) setKeysFromEnv(v fromEnv) error {
	text := strings.TrimSpace(v.value)
	keys := []string{text}
	if strings.HasPrefix(text, "[") {
		if err := json.Unmarshal([]byte(text), &keys); err != nil {
			return fmt.Errorf("the environment variable %s begins with '[', but is no JSON list of strings", v.name)
		}
	}
	c.options.EncryptionKeys = append(c.options.EncryptionKeys, keys...)
	return nil
}

// setChannelCapacity reads a dict in its order, or the pairs of one whose keys are not all strings.
func (c *djangoConfig) setChannelCapacity(raw json.RawMessage) error {
	var pairs struct {
		Pairs *[][2]json.RawMessage `json:"$pairs"`
	}
	if json.Unmarshal(raw, &pairs) == nil && pairs.Pairs != nil {
		for _, pair := range *pairs.Pairs {
			pattern, err := decodeDjango(pair[0], false)
			if err != nil {
				return err
			}
			if err := c.addCapacity(pattern, pair[1]); err != nil {
				return err
			}
		}
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.New("it is not a dict")
	}
	for d.More() {
		pattern, err := d.Token()
		if err != nil {
			return err
		}
		var capacity json.RawMessage
		if err := d.Decode(&capacity); err != nil {
			return err
		}
		if err := c.addCapacity(pattern, capacity); err != nil {
			return err
		}
	}
	return nil
}

func (c *djangoConfig) addCapacity(pattern any, capacity json.RawMessage) error {
	text, ok := pattern.(string)
	if !ok {
		c.warnings = append(c.warnings, "channel_capacity: ignored, as only patterns of fnmatch have a counterpart: "+kindOf(pattern))
		return nil
	}
	p := layer.ChannelCapacity{Pattern: text}
	v, err := decodeDjango(capacity, false)
	if err == nil {
		err = setNumber(&p.Capacity, v, 1)
	}
	if err != nil {
		return fmt.Errorf("%q: %w", text, err)
	}
	c.options.ChannelCapacity = append(c.options.ChannelCapacity, p)
	return nil
}

func setText(field *string, v any) error {
	if text, ok := v.(string); ok {
		*field = text
		return nil
	}
	return errors.New("it is " + kindOf(v) + ", not a string")
}

func setNumber(field *int, v any, least int) error {
	number, ok := v.(json.Number)
	if !ok {
		return errors.New("it is " + kindOf(v) + ", not an integer")
	}
	n, err := number.Int64()
	if err != nil || n < int64(least) || n > 1<<31-1 {
		return fmt.Errorf("it is not an integer from %d on: %s", least, number)
	}
	*field = int(n)
	return nil
}

// setSeconds reads a number of seconds.
func setSeconds(field *time.Duration, v any) error {
	number, ok := v.(json.Number)
	if !ok {
		return errors.New("it is " + kindOf(v) + ", not a number of seconds")
	}
	f, err := number.Float64()
	if err != nil || !(f > 0 && f < 1e9) {
		return fmt.Errorf("it is not a number of seconds above 0: %s", number)
	}
	*field = time.Duration(f * float64(time.Second))
	return nil
}

// fromEnv is a string that an environment variable has.
type fromEnv struct {
	name, value string
}

// decodeDjango decodes a value. Numbers are json.Numbers; dicts with a key that begins with '$' are what the script makes
// of values that JSON has no form for. In the encryption keys an environment variable is a fromEnv, else its text.
func decodeDjango(raw json.RawMessage, keys bool) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return resolve(v, keys)
}

// resolve replaces the special dicts within v.
func resolve(v any, keys bool) (_ any, err error) {
	switch v := v.(type) {
	case []any:
		for i := range v {
			if v[i], err = resolve(v[i], keys); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		if len(v) == 1 {
			for name, value := range v {
				if text, ok := value.(string); ok && strings.HasPrefix(name, "$") {
					return resolveSpecial(name, text, keys)
				}
			}
		}
		for name := range v {
			if v[name], err = resolve(v[name], keys); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

func resolveSpecial(name, text string, keys bool) (any, error) {
	switch name {
	case "$bytes":
		b, err := hex.DecodeString(text)
		return string(b), err
	case "$unconverted":
		return hosts.Unconverted(text), nil
	case "$env":
		value, ok := os.LookupEnv(text)
		switch {
		case !ok || value == "":
			return nil, fmt.Errorf("the environment variable %s is not set, or empty", text)
		case keys:
			return fromEnv{text, value}, nil
		}
		return value, nil
	}
	return nil, fmt.Errorf("%q means nothing here", name)
}

// kindOf says what kind of value v is, never the value.
func kindOf(v any) string {
	switch v := v.(type) {
	case hosts.Unconverted:
		return "a Python " + string(v)
	case nil:
		return "None"
	case bool:
		return "a bool"
	case json.Number:
		return "a number"
	case string, fromEnv:
		return "a string"
	case []any:
		return "a list"
	}
	return "a dict"
}
