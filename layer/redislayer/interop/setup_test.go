package interop_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

// kind is one of the two layers.
type kind struct {
	name  string
	group string // a group name that is usual there
	open  func(*redislayer.Options) (layer.ChannelLayer, error)
}

var (
	pubsub = kind{"pubsub", "user:42/é", func(o *redislayer.Options) (layer.ChannelLayer, error) { return redislayer.NewPubSub(o) }}
	core   = kind{"core", "room-42", func(o *redislayer.Options) (layer.ChannelLayer, error) { return redislayer.NewCore(o) }}
	kinds  = []kind{pubsub, core}
)

// setting is what a team has in CHANNEL_LAYERS, and so on both sides.
type setting struct {
	name   string
	shards int
	format string
	keys   []string
	prefix string
}

var (
	usual     = setting{name: "usual", shards: 1}
	encrypted = setting{name: "encrypted", shards: 1, keys: []string{"new", "old"}}
	inJSON    = setting{name: "JSON", shards: 1, format: "json"}
	settings  = []setting{
		usual,
		encrypted,
		inJSON,
		{name: "prefix", shards: 1, prefix: "myapp"},
		{name: "three shards", shards: 3},
		{name: "JSON, encrypted, three shards, prefix", shards: 3, format: "json", keys: []string{"new"}, prefix: "all"},
	}
)

// speaks says whether that version of the Python layer has that setting.
func (s setting) speaks(k kind, version string) bool {
	if s.format == "json" && version != latest {
		return false
	}
	// Up to 4.2.0 the pub/sub layer ignores its keys: TestKeysThatPythonIgnores.
	return len(s.keys) == 0 || k.name == core.name || version == latest
}

// site is a Redis, or several, with the configuration both sides have.
type site struct {
	kind    kind
	setting setting
	servers []*redistest.Server
}

func newSite(t testing.TB, k kind, s setting) *site {
	t.Helper()
	e := &site{kind: k, setting: s}
	for range s.shards {
		e.servers = append(e.servers, redistest.Start(t))
	}
	return e
}

// layer opens a Go layer, which stands for a Go process.
func (e *site) layer(t testing.TB) layer.ChannelLayer {
	t.Helper()
	return e.layerWith(t, redislayer.Options{})
}

func (e *site) layerWith(t testing.TB, o redislayer.Options) layer.ChannelLayer {
	t.Helper()
	for _, s := range e.servers {
		o.Hosts = append(o.Hosts, s.URL())
	}
	o.Prefix, o.Format, o.EncryptionKeys = e.setting.prefix, e.setting.format, e.setting.keys
	o.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	l, err := e.kind.open(&o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The tests break no connection of Go's.
		if gaps := l.(layer.Counted).Stats().Gaps; gaps > 0 {
			t.Errorf("%d gaps in peace", gaps)
		}
		if err := l.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return l
}

// config is the CONFIG of CHANNEL_LAYERS.
func (e *site) config() args {
	var hosts []any
	for _, s := range e.servers {
		hosts = append(hosts, s.URL())
	}
	c := args{"hosts": hosts}
	if e.setting.prefix != "" {
		c["prefix"] = e.setting.prefix
	}
	if e.setting.format != "" {
		c["serializer_format"] = e.setting.format
	}
	if len(e.setting.keys) > 0 {
		c["symmetric_encryption_keys"] = e.setting.keys
	}
	return c
}

// django is the environment of the Django project.
func (e *site) django(t testing.TB) []string {
	t.Helper()
	config, err := json.Marshal(e.config())
	if err != nil {
		t.Fatal(err)
	}
	return []string{"CHANNELS_BACKEND=" + e.kind.name, "CHANNELS_CONFIG=" + string(config)}
}

// djangoConfig is what the helper for Django prints.
func (e *site) djangoConfig(t testing.TB) []byte {
	t.Helper()
	backend := map[string]string{
		core.name:   "channels_redis.core.RedisChannelLayer",
		pubsub.name: "channels_redis.pubsub.RedisPubSubChannelLayer",
	}[e.kind.name]
	config, err := json.Marshal(args{"default": args{"BACKEND": backend, "CONFIG": e.config()}})
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// member is a channel in Python or in Go whose messages a test collects.
type member struct {
	name    string
	channel string
	mailbox *layer.Mailbox // in Go
	python  *pythonLayer   // in Python
}

// pythonLayer is a layer in a peer.
type pythonLayer struct {
	*peer
	name string
}

var unique atomic.Int64

func (e *site) python(t testing.TB, p *peer) *pythonLayer {
	t.Helper()
	l := &pythonLayer{p, fmt.Sprintf("layer%d", unique.Add(1))}
	p.must(t, "layer", args{"layer": l.name, "backend": e.kind.name, "config": e.config()})
	return l
}

// ask is do with the layer's name.
func (l *pythonLayer) ask(t testing.TB, op string, with args) any {
	t.Helper()
	with["layer"] = l.name
	return l.must(t, op, with)
}

// join collects the messages of a new channel in those groups.
func (l *pythonLayer) join(t testing.TB, groups ...string) *member {
	t.Helper()
	m := &member{name: fmt.Sprintf("python%d", unique.Add(1)), python: l}
	m.channel = l.ask(t, "collect", args{"name": m.name, "groups": append([]string{}, groups...)}).(string)
	t.Cleanup(func() { m.drop(t) })
	return m
}

// drop ends the collecting; the process may be gone by then.
func (m *member) drop(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := m.python.do(ctx, "drop", args{"name": m.name}); err != nil && !gone(err) {
		t.Error(err)
	}
}

func joinGo(t testing.TB, l layer.ChannelLayer, groups ...string) *member {
	t.Helper()
	mailbox, err := l.NewChannel(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mailbox.Close)
	for _, g := range groups {
		if err := l.GroupAdd(t.Context(), g, mailbox.Channel()); err != nil {
			t.Fatal(err)
		}
	}
	return &member{name: fmt.Sprintf("go%d", unique.Add(1)), channel: mailbox.Channel(), mailbox: mailbox}
}

// take returns that many messages, and those beyond them that come at once.
func (m *member) take(t testing.TB, count int) []layer.Message {
	t.Helper()
	if m.mailbox == nil {
		return m.takePython(t, count)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var all []layer.Message
	for len(all) < count {
		e, err := m.mailbox.Receive(ctx)
		if err != nil {
			t.Errorf("%s: %d of %d messages: %v", m.name, len(all), count, err)
			return all
		}
		all = append(all, decode(t, e))
	}
	for {
		e, ok := m.mailbox.TryReceive()
		if !ok {
			return all
		}
		all = append(all, decode(t, e))
	}
}

func (m *member) takePython(t testing.TB, count int) []layer.Message {
	t.Helper()
	found := m.python.must(t, "collected", args{"name": m.name, "count": count, "timeout": 10}).(map[string]any)
	if faults := found["errors"].([]any); len(faults) > 0 {
		t.Errorf("%s: receive raised: %v", m.name, faults)
	}
	var all []layer.Message
	for _, v := range found["messages"].([]any) {
		all = append(all, v.(map[string]any))
	}
	if len(all) < count {
		t.Errorf("%s: %d of %d messages", m.name, len(all), count)
	}
	return all
}

func decode(t testing.TB, e layer.Envelope) layer.Message {
	t.Helper()
	m, err := e.Message()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func gone(err error) bool {
	return errors.Is(err, errPeerGone) || strings.Contains(err.Error(), "closed") || strings.Contains(err.Error(), "pipe")
}
