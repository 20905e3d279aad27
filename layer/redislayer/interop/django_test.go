package interop_test

import (
	"log/slog"
	"testing"

	"github.com/gochannels/channels/layer/redislayer"
)

// TestFromDjango makes the layer from what the Python side is configured with.
func TestFromDjango(t *testing.T) {
	t.Parallel()
	for _, k := range kinds {
		for _, s := range settings {
			t.Run(k.name+"/"+s.name, func(t *testing.T) {
				t.Parallel()
				e := newSite(t, k, s)
				l, err := redislayer.FromDjango(e.djangoConfig(t), "default", &redislayer.Options{Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = l.Close() })
				m := joinGo(t, l, k.group)
				py := e.python(t, sharedPeer(t, latest))
				py.ask(t, "burst", args{"group": k.group, "sender": "python", "count": 2})
				eachOnce(t, m, map[string]int{"python": 2})
			})
		}
	}
}
