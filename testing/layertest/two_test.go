package layertest_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/rpc"
	"strings"
	"sync"
	"testing"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/testing/layertest"
)

// connection is a hub in another process.
type connection struct{ *rpc.Client }

func (c connection) Enter(room string, id *int) error { return c.Call("Hub.Enter", room, id) }
func (c connection) Leave(id int, _ *bool) error      { return c.Call("Hub.Leave", id, new(bool)) }
func (c connection) Own(o Owned, _ *bool) error       { return c.Call("Hub.Own", o, new(bool)) }
func (c connection) Publish(p Parcel, n *int) error   { return c.Call("Hub.Publish", p, n) }
func (c connection) Next(id int, p *Parcel) error     { return c.Call("Hub.Next", id, p) }
func (c connection) Push(p Pushed, full *bool) error  { return c.Call("Hub.Push", p, full) }
func (c connection) Pop(p Pushed, got *Parcel) error  { return c.Call("Hub.Pop", p, got) }

// connected is a relay with a connection of its own.
type connected struct {
	*relay

	client *rpc.Client
}

func (l connected) Close() error {
	return errors.Join(l.relay.Close(), ignoreShutdown(l.client.Close()))
}

func ignoreShutdown(err error) error {
	if errors.Is(err, rpc.ErrShutdown) {
		return nil
	}
	return err
}

// openRelay opens a relay by the address of a hub and the name of a room.
func openRelay(config string, o layertest.Options) (layer.ChannelLayer, error) {
	address, room, _ := strings.Cut(config, " ")
	client, err := rpc.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	l, err := newRelay(connection{client}, room, o, none)
	if err != nil {
		return nil, err
	}
	return connected{l, client}, nil
}

// startHub returns the address of a hub that is served until the test ends, for processes started afterwards.
func startHub(t *testing.T) string {
	t.Helper()
	h, server := newHub(none), rpc.NewServer()
	if err := server.RegisterName("Hub", h); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			work.Go(func() { server.ServeConn(c) })
		}
	})
	t.Cleanup(func() {
		h.close()
		_ = listener.Close()
		work.Wait()
	})
	return listener.Addr().String()
}

func TestRelayInTwoProcesses(t *testing.T) {
	t.Parallel()
	address := startHub(t)
	layertest.RunTwo(t, layertest.Two{
		Open:   openRelay,
		Config: func(testing.TB) string { return address + " " + rand.Text() },
	})
}

// judgeTwo runs a case on relays with a defect, in a bubble.
func judgeTwo(t *testing.T, c layertest.TwoCase, two func(h *hub) layertest.Two, d defect) *recorder {
	t.Helper()
	return judgeIn(t, func(r *recorder) {
		h := newHub(d)
		r.Cleanup(h.close)
		c.RunPiped(r, two(h))
	})
}

func relays(d defect) func(h *hub) layertest.Two {
	return func(h *hub) layertest.Two {
		return layertest.Two{
			Open: func(config string, o layertest.Options) (layer.ChannelLayer, error) {
				return newRelay(h, config, o, d)
			},
			Config: func(testing.TB) string { return rand.Text() },
		}
	}
}

func TestRelayPasses(t *testing.T) {
	t.Parallel()
	for _, c := range layertest.TwoCases() {
		if r := judgeTwo(t, c, relays(none), none); r.failed || r.skipped {
			t.Errorf("%s: failed %v, skipped %v:\n%s", c.Name, r.failed, r.skipped, strings.Join(r.log, ""))
		}
	}
}

// Each defect between processes fails its case, and no case is without a defect. What fails besides is no matter: most
// of what is wrong between processes shows in several cases.
func TestEachDefectFailsItsTwoCase(t *testing.T) {
	t.Parallel()
	cases := make(map[string]layertest.TwoCase)
	for _, c := range layertest.TwoCases() {
		cases[c.Name] = c
	}
	tried := make(map[string]bool)
	for _, d := range twoDefects {
		tried[d.fails] = true
		t.Run(d.fails+"/"+string(d.defect), func(t *testing.T) {
			t.Parallel()
			r := judgeTwo(t, cases[d.fails], relays(d.defect), d.defect)
			log := strings.Join(r.log, "")
			if !r.failed {
				t.Errorf("passed:\n%s", log)
			}
			if !strings.Contains(log, "broken promise: "+cases[d.fails].Promise) {
				t.Errorf("the failure does not name the promise:\n%s", log)
			}
		})
	}
	for name := range cases {
		if !tried[name] {
			t.Errorf("no defect is known to fail %s", name)
		}
	}
}

// textual has no form for bytes.
type textual struct{ *relay }

func (l textual) Send(ctx context.Context, channel string, msg layer.Message) error {
	if err := refuseBytes(msg); err != nil {
		return err
	}
	return l.relay.Send(ctx, channel, msg)
}

func (l textual) GroupSend(ctx context.Context, group string, msg layer.Message) error {
	if err := refuseBytes(msg); err != nil {
		return err
	}
	return l.relay.GroupSend(ctx, group, msg)
}

func refuseBytes(v any) error {
	switch v := v.(type) {
	case []byte:
		return &layer.MessageError{Problem: "bytes"}
	case layer.Message:
		return refuseBytes(map[string]any(v))
	case map[string]any:
		for _, v := range v {
			if err := refuseBytes(v); err != nil {
				return err
			}
		}
	case []any:
		for _, v := range v {
			if err := refuseBytes(v); err != nil {
				return err
			}
		}
	}
	return nil
}

func TestRelayWithoutBytes(t *testing.T) {
	t.Parallel()
	two := func(refuses, noBytes bool) func(h *hub) layertest.Two {
		return func(h *hub) layertest.Two {
			two := relays(none)(h)
			open := two.Open
			two.Open = func(config string, o layertest.Options) (layer.ChannelLayer, error) {
				l, err := open(config, o)
				if err == nil && refuses {
					l = textual{l.(*relay)}
				}
				return l, err
			}
			two.NoBytes = noBytes
			return two
		}
	}
	for _, c := range layertest.TwoCases() {
		if c.Name != "values" {
			continue
		}
		for _, refuses := range []bool{true, false} {
			if r := judgeTwo(t, c, two(refuses, true), none); r.failed == refuses {
				t.Errorf("NoBytes, and the layer refuses bytes: %v; failed: %v:\n%s", refuses, r.failed, strings.Join(r.log, ""))
			}
			if r := judgeTwo(t, c, two(refuses, false), none); r.failed != refuses {
				t.Errorf("the layer refuses bytes: %v; failed: %v:\n%s", refuses, r.failed, strings.Join(r.log, ""))
			}
		}
	}
}
