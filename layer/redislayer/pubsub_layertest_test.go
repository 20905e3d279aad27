package redislayer_test

import (
	"crypto/rand"
	"log/slog"
	"sync"
	"testing"

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

		"three shards, json, encrypted": {servers: 3, options: redislayer.Options{Format: "json", EncryptionKeys: keys}},
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
}

// conformsInJSON runs the suite on a layer that has no bytes.
func conformsInJSON(t *testing.T, newLayer func(testing.TB, layertest.Options) layer.ChannelLayer) {
	t.Helper()
	var work sync.WaitGroup
	for _, c := range layertest.Cases() {
		c.NoBytes = true
		work.Go(func() { t.Run(c.Name, func(t *testing.T) { c.Run(t, newLayer) }) })
	}
	work.Wait()
}

func TestPubSubConformsInTwoProcesses(t *testing.T) {
	t.Parallel()
	conformsInTwoProcesses(t, true)
}

// conformsInTwoProcesses runs the cases about two processes with each form of a layer.
func conformsInTwoProcesses(t *testing.T, pubSub bool) {
	t.Helper()
	one, two, three := redistest.Start(t), redistest.Start(t), redistest.Start(t)
	for _, c := range []struct {
		name    string
		servers []*redistest.Server
		options redislayer.Options
	}{
		{"plain", []*redistest.Server{one}, redislayer.Options{}},
		{"json", []*redistest.Server{one}, redislayer.Options{Format: "json"}},
		{"encrypted", []*redistest.Server{one}, redislayer.Options{EncryptionKeys: []string{"new", "old"}}},
		{"three shards", []*redistest.Server{one, two, three}, redislayer.Options{}},
		{"three shards, json, encrypted", []*redistest.Server{one, two, three}, redislayer.Options{Format: "json", EncryptionKeys: []string{"new"}}},
	} {
		t.Run(c.name, func(t *testing.T) { // one after the other: each opens some fifty layers
			layertest.RunTwo(t, layertest.Two{
				Open: openLayer,
				Config: func(t testing.TB) string {
					o := coreOptions(c.servers...)
					o.Format, o.EncryptionKeys = c.options.Format, c.options.EncryptionKeys
					return opening{PubSub: pubSub, Options: *o}.config(t)
				},
				NoBytes: c.options.Format == "json",
			})
		})
	}
}
