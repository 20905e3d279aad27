package redislayer_test

import (
	"crypto/rand"
	"log/slog"
	"testing"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
	"github.com/gochannels/channels/testing/layertest"
)

// coreOptions are what the tests have in common, and a prefix that no other has.
func coreOptions(servers ...*redistest.Server) *redislayer.Options {
	o := &redislayer.Options{Prefix: "t" + rand.Text()[:8], Logger: slog.New(slog.DiscardHandler)}
	for _, s := range servers {
		o.Hosts = append(o.Hosts, s.URL())
	}
	return o
}

func newCore(t testing.TB, o *redislayer.Options) *redislayer.Core {
	t.Helper()
	l, err := redislayer.NewCore(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// coreReady waits until the layer is connected.
func coreReady(t testing.TB, o *redislayer.Options) *redislayer.Core {
	t.Helper()
	l := newCore(t, o)
	until(t, soon, "the layer is ready", l.Ready)
	return l
}

// TestCoreConforms runs the suite, one set of cases after the other: each opens some sixty layers.
func TestCoreConforms(t *testing.T) {
	t.Parallel()
	one, two, three := redistest.Start(t), redistest.Start(t), redistest.Start(t)
	for _, c := range []struct {
		name    string
		servers []*redistest.Server
		options redislayer.Options
	}{
		{"msgpack", []*redistest.Server{one}, redislayer.Options{}},
		{"json", []*redistest.Server{one}, redislayer.Options{Format: "json"}},
		{"encrypted", []*redistest.Server{one}, redislayer.Options{EncryptionKeys: []string{"new", "old"}}},
		{"three servers", []*redistest.Server{one, two, three}, redislayer.Options{}},
		{"three servers, json, encrypted", []*redistest.Server{one, two, three}, redislayer.Options{Format: "json", EncryptionKeys: []string{"new"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			newLayer := func(t testing.TB, lo layertest.Options) layer.ChannelLayer {
				o := coreOptions(c.servers...)
				o.Capacity, o.ChannelCapacity, o.Expiry = lo.Capacity, lo.ChannelCapacity, lo.Expiry
				o.Format, o.EncryptionKeys = c.options.Format, c.options.EncryptionKeys
				o.CallTimeout = soon   // the machine may be busy
				return coreReady(t, o) // so that no case about time waits for connections
			}
			if c.options.Format == "json" {
				conformsInJSON(t, newLayer)
			} else {
				layertest.Run(t, newLayer)
			}
		})
	}
}

func TestCoreConformsInTwoProcesses(t *testing.T) {
	t.Parallel()
	conformsInTwoProcesses(t, false)
}
