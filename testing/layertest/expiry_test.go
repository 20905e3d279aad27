package layertest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/testing/layertest"
)

// late is a broker that passes parcels on after a second.
type late struct{ broker }

func (l late) Next(id int, p *Parcel) error {
	err := l.broker.Next(id, p)
	<-time.After(time.Until(p.At.Add(time.Second)))
	return err
}

// A message waits from when it has come: one that a slow machine passes on late is not too old any earlier.
func TestLateMessagesAreYoung(t *testing.T) {
	t.Parallel()
	open := func(h *hub, room string, o layertest.Options) (layer.ChannelLayer, error) {
		l, err := newRelay(late{h}, room, o, none)
		return bare{l}, err
	}
	check := func(name string, r *recorder) {
		if r.failed || r.skipped {
			t.Errorf("%s: failed %v, skipped %v:\n%s", name, r.failed, r.skipped, strings.Join(r.log, ""))
		}
	}
	for _, c := range layertest.Cases() {
		if c.Name == "expiry" || c.Name == "expiry-room" {
			check(c.Name, judgeIn(t, func(r *recorder) {
				h := newHub(none)
				r.Cleanup(h.close)
				c.Run(r, func(t testing.TB, o layertest.Options) layer.ChannelLayer {
					l, err := open(h, "room", o)
					if err != nil {
						t.Fatal(err)
					}
					return l
				})
			}))
		}
	}
	for _, c := range layertest.TwoCases() {
		if c.Name == "expiry" {
			check(c.Name+" in two processes", judgeTwo(t, c, func(h *hub) layertest.Two {
				return layertest.Two{
					Open:   func(config string, o layertest.Options) (layer.ChannelLayer, error) { return open(h, config, o) },
					Config: func(testing.TB) string { return "room" },
				}
			}, none))
		}
	}
}
