package redislayer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/gochannels/channels/layer"
)

// The backends that FromDjango knows.
const (
	coreBackend   = "channels_redis.core.RedisChannelLayer"
	pubSubBackend = "channels_redis.pubsub.RedisPubSubChannelLayer"
	memoryBackend = "channels.layers.InMemoryChannelLayer"
)

// FromDjango makes the layer that a Django project has under an alias, usually "default", by its BACKEND: a [Core] or a
// [PubSub]. config is CHANNEL_LAYERS as JSON, as the script django/channels_config.py prints it.
//
// opts may be nil. A field that is set in it wins over CONFIG. Where CONFIG has {"$env": "NAME"} instead of a string, the
// environment variable is taken; for the encryption keys it may hold a JSON list of them.
//
// What is in CONFIG but has no use here, such as arguments of redis-py that are about its own workings, or a capacity
// for a PubSub, which has none in Python either, is ignored, and a warning is logged that names it. What neither layer of
// channels_redis nor redis-py knows is an error, and so is what the script could not convert, unless it would be ignored.
//
// A server's certificate is checked for the host's name unless ssl_check_hostname is false. redis-py before version 6
// does not check it unless that is true.
func FromDjango(config []byte, alias string, opts *Options) (layer.ChannelLayer, error) {
	backend, c, err := readDjango(config, alias)
	if err == nil {
		var l layer.ChannelLayer
		if l, err = c.layer(backend, opts); err == nil {
			return l, nil
		}
	}
	return nil, fmt.Errorf("redislayer: CHANNEL_LAYERS[%q]: %w", alias, err)
}

// readDjango finds the alias and reads its CONFIG.
func readDjango(config []byte, alias string) (backend string, c *djangoConfig, err error) {
	// manage.py shell may greet before it runs the script.
	if i := bytes.Index(config, []byte("\n{")); i >= 0 && !bytes.HasPrefix(config, []byte("{")) {
		config = config[i+1:]
	}
	var layers map[string]struct {
		Backend json.RawMessage `json:"BACKEND"`
		Config  json.RawMessage `json:"CONFIG"`
	}
	if err := json.Unmarshal(config, &layers); err != nil {
		return "", nil, fmt.Errorf("it is not the JSON that channels_config.py prints: %w", err)
	}
	l, ok := layers[alias]
	if !ok {
		return "", nil, errors.New("there is no such alias")
	}
	if err := json.Unmarshal(l.Backend, &backend); err != nil {
		return "", nil, errors.New("BACKEND is not a string")
	}
	c = &djangoConfig{}
	if err := c.read(l.Config); err != nil {
		return "", nil, fmt.Errorf("CONFIG: %w", err)
	}
	return backend, c, nil
}

// layer makes the layer of the backend.
func (c *djangoConfig) layer(backend string, opts *Options) (layer.ChannelLayer, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	logger := o.Logger
	if logger == nil {
		logger = slog.Default()
	}
	var useless []string
	switch backend {
	case coreBackend:
		useless = c.given("on_disconnect", "on_reconnect")
	case pubSubBackend:
		useless = c.given("capacity", "channel_capacity", "expiry", "group_expiry", "random_prefix_length")
		c.options.Capacity, c.options.ChannelCapacity, c.options.Expiry, c.options.GroupExpiry = 0, nil, 0, 0
	case memoryBackend:
		return nil, errors.New("BACKEND " + memoryBackend + " reaches no other process: here its like is a layer.Memory")
	default:
		return nil, fmt.Errorf("BACKEND %q is neither %s nor %s", backend, coreBackend, pubSubBackend)
	}
	for _, w := range c.warnings {
		logger.Warn("redislayer: CONFIG: " + w)
	}
	if len(useless) > 0 {
		logger.Warn("redislayer: CONFIG: ignored, as " + backend + " has no use for it: " + strings.Join(useless, ", "))
	}
	c.fill(&o)
	if backend == pubSubBackend {
		return NewPubSub(&o)
	}
	return newDjangoCore(&o, c)
}

// fill sets the fields of o that are not set.
func (c *djangoConfig) fill(o *Options) {
	if o.Hosts == nil {
		o.Hosts = c.options.Hosts
	}
	if o.EncryptionKeys == nil {
		o.EncryptionKeys = c.options.EncryptionKeys
	}
	if o.ChannelCapacity == nil {
		o.ChannelCapacity = c.options.ChannelCapacity
	}
	setDefault(&o.Prefix, c.options.Prefix)
	setDefault(&o.Format, c.options.Format)
	setDefault(&o.Capacity, c.options.Capacity)
	setDefault(&o.Expiry, c.options.Expiry)
	setDefault(&o.GroupExpiry, c.options.GroupExpiry)
}
