package redislayer_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

// TestPubSubPlaintextBesideKeys: with keys, what is not encrypted is refused, unless it is accepted for a while.
func TestPubSubPlaintextBesideKeys(t *testing.T) {
	t.Parallel()
	host := []any{redistest.Start(t).URL()}
	old := pubSub(t, redislayer.Options{Hosts: host, Prefix: "asgi"})
	keys := []string{"secret"}
	strict := pubSub(t, redislayer.Options{Hosts: host, Prefix: "asgi", EncryptionKeys: keys})
	lenient := pubSub(t, redislayer.Options{Hosts: host, Prefix: "asgi", EncryptionKeys: keys, AcceptPlaintext: true})
	boxes := []*layer.Mailbox{newChannel(t, strict, "g"), newChannel(t, lenient, "g")}
	groupSend(t, old, "g", 1)
	groupSend(t, strict, "g", 2)
	expect(t, boxes[0], 2)
	expect(t, boxes[1], 1, 2)
	if n := metric(t, strict, "refused_total"); n != 1 {
		t.Errorf("%d payloads refused, want 1", n)
	}
}

// TestPubSubWarnings: what is ignored or surprising is said once, when the layer is made.
func TestPubSubWarnings(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for name, c := range map[string]struct {
		options redislayer.Options
		want    string
	}{
		"database":             {redislayer.Options{Prefix: "asgi", Hosts: []any{server.URL() + "/3"}}, "ignores databases"},
		"database with prefix": {redislayer.Options{Prefix: "mine", Hosts: []any{server.URL() + "/3"}}, ""},
		"group expiry":         {redislayer.Options{Hosts: []any{server.URL()}, GroupExpiry: time.Hour}, "GroupExpiry"},
		"clock skew":           {redislayer.Options{Hosts: []any{server.URL()}, ClockSkew: time.Second}, "ClockSkew"},
	} {
		var log bytes.Buffer
		c.options.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
		l := pubSub(t, c.options)
		_ = l.Close()
		if got := log.String(); (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: logged %q, want %q", name, got, c.want)
		}
	}
}

func TestPubSubOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for _, o := range []redislayer.Options{
		{Capacity: -1},
		{Expiry: -1},
		{GroupExpiry: -1},
		{ClockSkew: -1},
		{ClockSkew: 91 * time.Second},
		{MaxSize: -1},
		{CallTimeout: -1},
		{ProbeInterval: time.Millisecond},
		{Prefix: "\xff"},
		{Format: "pickle"},
		{AcceptPlaintext: true},
		{ChannelCapacity: []layer.ChannelCapacity{{Pattern: "["}}},
		{ChannelCapacity: []layer.ChannelCapacity{{Pattern: "*"}}},
		{Hosts: []any{"http://localhost"}},
		{Hosts: []any{5}},
	} {
		if l, err := redislayer.NewPubSub(&o); err == nil {
			_ = l.Close()
			t.Errorf("%+v is taken", o)
		} else if !strings.HasPrefix(err.Error(), "redislayer: ") {
			t.Errorf("the error %q does not say whose it is", err)
		}
	}
}

func TestPubSubTooLarge(t *testing.T) {
	t.Parallel()
	l := pubSub(t, redislayer.Options{Hosts: []any{redistest.Start(t).URL()}, MaxSize: 1000})
	err := l.GroupSend(t.Context(), "g", layer.Message{"type": "a", "text": strings.Repeat("x", 1000)})
	if !errors.Is(err, layer.ErrTooLarge) {
		t.Errorf("GroupSend: %v, want ErrTooLarge", err)
	}
}
