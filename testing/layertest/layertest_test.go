package layertest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/testing/layertest"
)

func newMemory(_ testing.TB, o layertest.Options) layer.ChannelLayer {
	return &layer.Memory{Capacity: o.Capacity, ChannelCapacity: o.ChannelCapacity, Expiry: o.Expiry}
}

func TestMemory(t *testing.T) {
	t.Parallel()
	layertest.Run(t, newMemory)
}

func TestMemoryInBubbles(t *testing.T) {
	t.Parallel()
	layertest.RunBubble(t, newMemory)
}

func BenchmarkMemory(b *testing.B) { layertest.Benchmark(b, newMemory) }

func TestModelPasses(t *testing.T) {
	t.Parallel()
	for _, c := range layertest.Cases() {
		if r := judge(t, c, newModel(none)); r.failed || r.skipped {
			t.Errorf("%s: failed %v, skipped %v:\n%s", c.Name, r.failed, r.skipped, strings.Join(r.log, ""))
		}
	}
}

// Each defect fails its own case and no other, and no case is without a defect.
func TestEachDefectFailsItsCaseAlone(t *testing.T) {
	t.Parallel()
	untried := make(map[string]bool)
	for _, c := range layertest.Cases() {
		untried[c.Name] = true
	}
	for _, d := range defects {
		delete(untried, d.fails)
		t.Run(d.fails+"/"+string(d.defect), func(t *testing.T) {
			t.Parallel()
			var failing, log []string
			for _, c := range layertest.Cases() {
				r := judge(t, c, newModel(d.defect))
				if r.skipped {
					t.Errorf("%s was skipped", c.Name)
				}
				if r.failed {
					failing = append(failing, c.Name)
					log = append(log, c.Name+":")
					log = append(log, r.log...)
				}
			}
			if diff := cmp.Diff([]string{d.fails}, failing); diff != "" {
				t.Errorf("failing cases (-want +got):\n%s\n%s", diff, strings.Join(log, "\n"))
			}
			if !strings.Contains(strings.Join(log, ""), "broken promise: ") {
				t.Error("the failure names no promise")
			}
		})
	}
	for name := range untried {
		t.Errorf("no defect is known to fail %s", name)
	}
}

// bare is a layer without any optional ability.
type bare struct{ layer.ChannelLayer }

func TestOptionalAbilitiesMayLack(t *testing.T) {
	t.Parallel()
	newBare := func(t testing.TB, o layertest.Options) layer.ChannelLayer { return bare{newModel(none)(t, o)} }
	var skipped []string
	for _, c := range layertest.Cases() {
		r := judge(t, c, newBare)
		if r.failed {
			t.Errorf("%s failed:\n%s", c.Name, strings.Join(r.log, ""))
		}
		if r.skipped {
			skipped = append(skipped, c.Name)
		}
	}
	if diff := cmp.Diff([]string{"conservation"}, skipped); diff != "" {
		t.Errorf("skipped cases (-want +got):\n%s", diff)
	}
}

// silent has a Receive and a Flush that say neither yes nor no.
type silent struct{ bare }

func (silent) Receive(context.Context, string) (layer.Envelope, error) { return layer.Envelope{}, nil }

func TestHalfAnAbilityFails(t *testing.T) {
	t.Parallel()
	newSilent := func(t testing.TB, o layertest.Options) layer.ChannelLayer {
		return silent{bare{newModel(none)(t, o)}}
	}
	for _, c := range layertest.Cases() {
		if c.Name != "named-only" {
			continue
		}
		if r := judge(t, c, newSilent); !r.failed {
			t.Errorf("%s passed", c.Name)
		}
	}
}

// stuck is a layer whose Send never returns.
type stuck struct {
	layer.ChannelLayer
	released chan struct{}
}

func (l stuck) Send(context.Context, string, layer.Message) error {
	<-l.released
	return nil
}

func TestStuckLayerFailsAtTheLimit(t *testing.T) {
	t.Parallel()
	c := layertest.Cases()[0]
	var took time.Duration
	r := judge(t, c, func(t testing.TB, o layertest.Options) layer.ChannelLayer {
		began := time.Now()
		l := stuck{newModel(none)(t, o), make(chan struct{})}
		t.Cleanup(func() {
			took = time.Since(began)
			close(l.released)
		})
		return l
	})
	if !r.failed {
		t.Error("passed")
	}
	if want := c.Limit + time.Second; took > want {
		t.Errorf("given up after %v, want %v", took, want)
	}
	if !strings.Contains(strings.Join(r.log, ""), c.Promise) {
		t.Errorf("the promise is not named:\n%s", strings.Join(r.log, ""))
	}
}

// hanging is a layer whose Close never returns, as one's that a Send holds up under a lock.
type hanging struct {
	layer.ChannelLayer
	released chan struct{}
}

func (l hanging) Close() error {
	<-l.released
	return l.ChannelLayer.Close()
}

// A Close that hangs fails the case and lets the others go on.
func TestHangingCloseFails(t *testing.T) {
	t.Parallel()
	r := judge(t, layertest.Cases()[0], func(t testing.TB, o layertest.Options) layer.ChannelLayer {
		released := make(chan struct{})
		t.Cleanup(func() { close(released) })
		return hanging{newModel(none)(t, o), released}
	})
	if log := strings.Join(r.log, ""); !r.failed || !strings.Contains(log, "Close of the layer has not returned") {
		t.Errorf("failed: %v\n%s", r.failed, log)
	}
}
