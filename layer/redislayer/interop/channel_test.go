package interop_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer"
)

// TestSendToAChannel has Python and Go answer each other by the name of the channel that the question came from.
func TestSendToAChannel(t *testing.T) {
	t.Parallel()
	for _, k := range kinds {
		for _, s := range settings {
			for _, version := range versions {
				if !s.speaks(k, version) {
					continue
				}
				t.Run(k.name+"/"+s.name+"/"+version, func(t *testing.T) {
					t.Parallel()
					testSendToAChannel(t, newSite(t, k, s), version)
				})
			}
		}
	}
}

func testSendToAChannel(t *testing.T, e *site, version string) {
	py := e.python(t, sharedPeer(t, version))
	l := e.layer(t)
	// Several, as on three shards each name has its own.
	for i := range 6 {
		inGo, inPython := joinGo(t, l), py.join(t)
		question := layer.Message{"type": "ask", "reply": inPython.channel, "n": int64(i)}
		py.ask(t, "send", args{"channel": inGo.channel, "message": map[string]any(question)})
		if diff := cmp.Diff([]layer.Message{question}, inGo.take(t, 1)); diff != "" {
			t.Errorf("from Python to Go (-want +got):\n%s", diff)
		}
		reply := layer.Message{"type": "answer", "n": int64(i)}
		if err := l.Send(t.Context(), question["reply"].(string), reply); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]layer.Message{reply}, inPython.take(t, 1)); diff != "" {
			t.Errorf("from Go to Python (-want +got):\n%s", diff)
		}
		settle(t, inGo, inPython)
	}
}

// TestSendInOrder sends many to one channel each way.
func TestSendInOrder(t *testing.T) {
	t.Parallel()
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			e := newSite(t, k, usual)
			py, l := e.python(t, sharedPeer(t, latest)), e.layer(t)
			inGo, inPython := joinGo(t, l), py.join(t)
			together(
				t,
				func(ctx context.Context) error {
					_, err := py.do(ctx, "burst", args{"layer": py.name, "channel": inGo.channel, "sender": "python", "count": 80})
					return err
				},
				func(ctx context.Context) error {
					for n := range 80 {
						if err := l.Send(ctx, inPython.channel, numbered("go", n)); err != nil {
							return fmt.Errorf("message %d: %w", n, err)
						}
					}
					return nil
				},
			)
			eachOnce(t, inGo, map[string]int{"python": 80})
			eachOnce(t, inPython, map[string]int{"go": 80})
			settle(t, inGo, inPython)
		})
	}
}

// TestFullPythonProcess: what a Python process has not read counts. Send says so, GroupSend does not, as in Python.
func TestFullPythonProcess(t *testing.T) {
	t.Parallel()
	e := newSite(t, core, usual)
	py, l := e.python(t, sharedPeer(t, latest)), e.layer(t)
	inGo := joinGo(t, l, "group")
	channel := py.ask(t, "new_channel", args{}).(string) // nobody receives from it
	py.ask(t, "group_add", args{"group": "group", "channel": channel})
	const capacity = 100
	for n := range capacity {
		if err := l.Send(t.Context(), channel, numbered("go", n)); err != nil {
			t.Fatalf("message %d: %v", n, err)
		}
	}
	if err := l.Send(t.Context(), channel, numbered("go", capacity)); !errors.Is(err, layer.ErrFull) {
		t.Errorf("Send to a full process: %v, want ErrFull", err)
	}
	if err := burst(t.Context(), l, "group", "go", 3); err != nil {
		t.Errorf("GroupSend to a full process: %v", err)
	}
	eachOnce(t, inGo, map[string]int{"go": 3})
	for n := range capacity {
		msg := py.ask(t, "receive", args{"channel": channel}).(map[string]any)
		if msg["n"] != int64(n) {
			t.Fatalf("message %v instead of %d", msg["n"], n)
		}
	}
}

// TestKeysThatPythonIgnores: up to channels_redis 4.2.0 the pub/sub layer has encryption keys and sends plain messages.
// Go hears them if it is told to, and not otherwise.
func TestKeysThatPythonIgnores(t *testing.T) {
	t.Parallel()
	e := newSite(t, pubsub, encrypted)
	lenient := joinGo(t, e.layerWith(t, redislayer.Options{AcceptPlaintext: true}), "group")
	strict := joinGo(t, e.layer(t), "group")
	for _, version := range []string{oldest, first4, plain} {
		py := e.python(t, sharedPeer(t, version))
		py.ask(t, "burst", args{"group": "group", "sender": version, "count": 3})
		eachOnce(t, lenient, map[string]int{version: 3})
	}
	// Today's encrypts, and is heard by both; so nothing else can still be on its way.
	py := e.python(t, sharedPeer(t, latest))
	py.ask(t, "burst", args{"group": "group", "sender": latest, "count": 3})
	eachOnce(t, lenient, map[string]int{latest: 3})
	eachOnce(t, strict, map[string]int{latest: 3})
}

// TestKeyRotation: what is encrypted by an older key is still understood by those that have both.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			old := newSite(t, k, setting{shards: 1, keys: []string{"old"}})
			both := &site{kind: k, setting: setting{shards: 1, keys: []string{"new", "old"}}, servers: old.servers}
			goOld, goBoth := old.layer(t), both.layer(t)
			pyOld, pyBoth := old.python(t, sharedPeer(t, latest)), both.python(t, sharedPeer(t, latest))

			inGo, inPython := joinGo(t, goBoth, "g"), pyBoth.join(t, "g")
			pyOld.ask(t, "burst", args{"group": "g", "sender": "python", "count": 2})
			if err := burst(t.Context(), goOld, "g", "go", 2); err != nil {
				t.Fatal(err)
			}
			eachOnce(t, inGo, map[string]int{"python": 2, "go": 2})
			eachOnce(t, inPython, map[string]int{"python": 2, "go": 2})

			// The reverse way a Go process hears nothing, and says so in its log only.
			deaf := joinGo(t, goOld, "g")
			pyBoth.ask(t, "burst", args{"group": "g", "sender": "new", "count": 2})
			pyOld.ask(t, "burst", args{"group": "g", "sender": "old", "count": 2})
			eachOnce(t, deaf, map[string]int{"old": 2})
		})
	}
}
