package redislayer_test

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"math"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
	"github.com/gochannels/channels/testing/layertest"
)

// pubSub makes a layer with a prefix of its own, and closes it when the test ends.
func pubSub(t testing.TB, o redislayer.Options) *redislayer.PubSub {
	t.Helper()
	if o.Prefix == "" {
		o.Prefix = "asgi" + rand.Text()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	l, err := redislayer.NewPubSub(&o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func TestPubSubConforms(t *testing.T) {
	t.Parallel()
	keys := []string{"secret", "old"}
	for name, c := range map[string]struct {
		servers int
		resp2   bool
		options redislayer.Options
	}{
		"plain":        {servers: 1},
		"json":         {servers: 1, options: redislayer.Options{Format: "json"}},
		"encrypted":    {servers: 1, options: redislayer.Options{EncryptionKeys: keys}},
		"three shards": {servers: 3},
		"resp2":        {servers: 1, resp2: true},
	} {
		t.Run(name, func(t *testing.T) { // one after the other: each opens some hundred connections
			var hosts []any
			for range c.servers {
				s := redistest.Start(t)
				if c.resp2 {
					hosts = append(hosts, map[string]any{"address": s.URL(), "protocol": 2})
				} else {
					hosts = append(hosts, s.URL())
				}
			}
			newLayer := func(t testing.TB, o layertest.Options) layer.ChannelLayer {
				options := c.options
				options.Hosts = hosts
				options.CallTimeout = soon // some three hundred connections are made at once
				options.Capacity, options.ChannelCapacity, options.Expiry = o.Capacity, o.ChannelCapacity, o.Expiry
				return pubSub(t, options)
			}
			if c.options.Format == "json" {
				conformsInJSON(t, newLayer)
			} else {
				layertest.Run(t, newLayer)
			}
		})
	}
	t.Run("two processes", conformsInTwoProcesses)
}

// conformsInJSON runs all cases but that of values, as JSON has no bytes; TestPubSubJSONValues is in its place.
func conformsInJSON(t *testing.T, newLayer func(testing.TB, layertest.Options) layer.ChannelLayer) {
	t.Helper()
	var work sync.WaitGroup
	for _, c := range layertest.Cases() {
		if c.Name != "values" {
			work.Go(func() { t.Run(c.Name, func(t *testing.T) { c.Run(t, newLayer) }) })
		}
	}
	work.Wait()
}

func TestPubSubJSONValues(t *testing.T) {
	t.Parallel()
	l := pubSub(t, redislayer.Options{Hosts: []any{redistest.Start(t).URL()}, Format: "json"})
	box := newChannel(t, l, "g")
	var refused *layer.MessageError
	if err := l.GroupSend(t.Context(), "g", layer.Message{"type": "a", "value": []byte("a")}); !errors.As(err, &refused) {
		t.Errorf("bytes: %v, want a *MessageError", err)
	}
	for _, v := range []any{
		nil, true, int64(math.MinInt64), uint64(math.MaxUint64), 1.0, 0.1, 1e21, math.Inf(1), math.Inf(-1), math.NaN(),
		"gr\u00fc\u00df' dich \U0001f695 \u2028 \x00 \" \\",
		[]any{},
		map[string]any{"a": []any{int64(1), nil}},
	} {
		if err := l.GroupSend(t.Context(), "g", layer.Message{"type": "a", "value": v}); err != nil {
			t.Errorf("%v: %v", v, err)
			continue
		}
		e, err := box.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got, err := e.Message()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(v, got["value"], cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
