package redislayer

import (
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
	"github.com/gochannels/channels/layer/redislayer/internal/vectors"
)

// pubSubVector is what channels_redis' pub/sub layer was seen to send.
type pubSubVector struct {
	Name   string
	Hosts  int
	Config map[string]any
	Steps  []vectorStep
}

type vectorStep struct {
	By       string
	Call     []vectors.Value
	Result   vectors.Value
	Error    string
	Commands []struct {
		Shard   int
		Command []any
		Push    []any
	}
}

// replay is one case on two layers, each before recorders of its own, one for each server.
type replay struct {
	t         *testing.T
	servers   []*redistest.Server
	layers    map[string]*PubSub
	recorders map[string][]*redistest.Recorder
	nextID    string
	boxes     map[string]*layer.Mailbox
	members   map[string][]string // channels by group
	routed    int64               // copies that have to arrive
	skipped   int
}

// TestPubSubVectors does what Python did, call by call, and compares the commands, which go to the same servers with the
// same arguments. Payloads are equal too, or, where they are encrypted, what they decode to; and what Python published is
// published to our channels, which must receive what Python did.
func TestPubSubVectors(t *testing.T) {
	t.Parallel()
	for _, c := range vectors.Read[pubSubVector](t, "pubsub_commands") {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			r := newReplay(t, c.Hosts, c.Config)
			for i, s := range c.Steps {
				if !r.step(i, s) {
					break
				}
			}
			t.Logf("%d of %d steps have no counterpart here", r.skipped, len(c.Steps))
		})
	}
}

func newReplay(t *testing.T, hosts int, config map[string]any) *replay {
	t.Helper()
	r := &replay{
		t: t, layers: make(map[string]*PubSub), recorders: make(map[string][]*redistest.Recorder), boxes: make(map[string]*layer.Mailbox),
		members: make(map[string][]string),
	}
	o := Options{Logger: slog.New(slog.DiscardHandler)}
	for key, v := range config {
		switch key {
		case "symmetric_encryption_keys":
			for _, k := range v.([]any) {
				o.EncryptionKeys = append(o.EncryptionKeys, k.(string))
			}
		case "prefix":
			o.Prefix = v.(string)
		case "serializer_format":
			o.Format = v.(string)
		default:
			t.Fatalf("the configuration %q is not known", key)
		}
	}
	for range hosts {
		r.servers = append(r.servers, redistest.Start(t))
	}
	for _, by := range []string{"A", "B"} {
		o.Hosts = nil
		for _, s := range r.servers {
			recorder := redistest.NewRecorder(t, s.Addr())
			r.recorders[by] = append(r.recorders[by], recorder)
			o.Hosts = append(o.Hosts, recorder.URL())
		}
		l, err := NewPubSub(&o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		l.newID = func() string { return r.nextID }
		r.layers[by] = l
		r.await(l.Ready)
	}
	return r
}

// await gives ok ten seconds; what is missing then, comparing shows.
func (r *replay) await(ok func() bool) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); !ok() && time.Now().Before(deadline); <-tick.C {
	}
}

// step makes a call and compares; false ends the case, as what follows rests on what we do otherwise.
func (r *replay) step(i int, s vectorStep) bool {
	l, ctx, name := r.layers[s.By], r.t.Context(), s.Call[0].Value.(string)
	args := make([]string, 2)
	for i, a := range s.Call[1:] {
		if text, ok := a.Value.(string); ok && i < 2 {
			args[i] = text
		}
	}
	var err error
	switch name {
	case "new_channel":
		if len(s.Call) > 1 {
			return r.skip() // a name of one's own begins otherwise, there
		}
		var box *layer.Mailbox
		r.nextID = strings.TrimPrefix(s.Result.Value.(string), l.specific)
		if box, err = l.NewChannel(ctx); err == nil {
			r.boxes[box.Channel()] = box
		}
	case "send", "group_send":
		msg, ok := s.Call[2].Value.(map[string]any)
		if !ok || s.Call[2].None {
			return r.skip() // no message, or one that only Python can make
		}
		if name == "send" {
			err = l.Send(ctx, args[0], msg)
			r.arrive(err, args[0])
		} else {
			err = l.GroupSend(ctx, args[0], msg)
			r.arrive(err, r.members[args[0]]...)
		}
	case "group_add":
		if err = l.GroupAdd(ctx, args[0], args[1]); err == nil && !slices.Contains(r.members[args[0]], args[1]) {
			r.members[args[0]] = append(r.members[args[0]], args[1])
		}
	case "group_discard":
		err = l.GroupDiscard(ctx, args[0], args[1])
		r.members[args[0]] = slices.DeleteFunc(r.members[args[0]], func(c string) bool { return c == args[1] })
	case "receive":
		box := r.boxes[args[0]]
		if box == nil {
			return r.skip() // a named channel
		}
		if s.Error != "" {
			return r.cancelled(i, s, box)
		}
		r.await(box.Pending)
		e, ok := box.TryReceive()
		if !ok {
			r.t.Fatalf("step %d: nothing to receive", i)
		}
		r.same(i, e, s.Result)
	default:
		r.t.Logf("%q has no counterpart here", name)
		r.skipped++
		return false
	}
	if (err != nil) != (s.Error != "") {
		r.t.Fatalf("step %d, %s: %v, there %q", i, name, err, s.Error)
	}
	r.commands(i, s)
	return true
}

// arrive waits until a message is in the mailboxes of channels, as it was there: it is dropped if it comes after a
// group_discard.
func (r *replay) arrive(err error, channels ...string) {
	for _, c := range channels {
		if err == nil && r.boxes[c] != nil {
			r.routed++
		}
	}
	r.await(func() bool { return r.layers["A"].Stats().Routed+r.layers["B"].Stats().Routed >= r.routed })
}

func (r *replay) skip() bool {
	r.skipped++
	return true
}

// cancelled is a receive that was given up, which is how Python closes a channel. Groups stay subscribed there.
func (r *replay) cancelled(i int, s vectorStep, box *layer.Mailbox) bool {
	groups := r.layers[s.By].channels.get(box.Channel()).Groups()
	box.Close()
	delete(r.boxes, box.Channel())
	if len(groups) > 0 {
		r.skipped++
		return false
	}
	r.commands(i, s)
	return true
}

// commands compares what was sent, after waiting for it, and publishes Python's payload.
func (r *replay) commands(i int, s vectorStep) {
	r.t.Helper()
	raw := len(r.layers["A"].opts.EncryptionKeys) == 0 && s.Call[len(s.Call)-1].Sorted // or else the keys are in another order
	var want, payloads []string
	for _, c := range s.Commands {
		if c.Command == nil {
			continue
		}
		text := fmt.Sprint(c.Shard, " ", c.Command[0], " ", c.Command[1])
		if c.Command[0] == "PUBLISH" {
			payload := vectorBytes(r.t, c.Command[2])
			payloads = append(payloads, payload)
			text += r.payload(payload, raw)
		}
		want = append(want, text)
	}
	r.await(func() bool { return len(r.sent(s.By, raw)) >= len(want) })
	if diff := cmp.Diff(want, r.sent(s.By, raw)); diff != "" {
		r.t.Errorf("step %d, %s (-want +got):\n%s", i, s.Call[0].Value, diff)
	}
	for _, recorder := range r.recorders[s.By] {
		recorder.Take()
	}
	for _, payload := range payloads {
		e, _, err := r.layers["A"].codec.Decode([]byte(payload), time.Now())
		if err != nil {
			r.t.Errorf("step %d: Python's payload: %v", i, err)
			continue
		}
		r.same(i, e, s.Call[2])
	}
}

// sent returns the commands since the last comparison that are not the layer's or the client's own affair.
func (r *replay) sent(by string, raw bool) (sent []string) {
	for shard, recorder := range r.recorders[by] {
		for _, c := range recorder.Peek() {
			if c[0] != "PUBLISH" && c[0] != "SUBSCRIBE" && c[0] != "UNSUBSCRIBE" || strings.Contains(c[1], "__probe__") {
				continue
			}
			text := fmt.Sprint(shard, " ", c[0], " ", c[1])
			if c[0] == "PUBLISH" {
				text += r.payload(c[2], raw)
			}
			sent = append(sent, text)
		}
	}
	slices.Sort(sent)
	return sent
}

// payload is a payload as it is, or the message it holds.
func (r *replay) payload(b string, raw bool) string {
	if raw {
		return " " + hex.EncodeToString([]byte(b))
	}
	e, _, err := r.layers["A"].codec.Decode([]byte(b), time.Now())
	if err != nil {
		return " " + err.Error()
	}
	return fmt.Sprintf(" %#v", vectorMessage(r.t, e))
}

func (r *replay) same(i int, e layer.Envelope, want vectors.Value) {
	r.t.Helper()
	if diff := cmp.Diff(want.Value, any(vectorMessage(r.t, e)), cmpopts.EquateNaNs()); diff != "" {
		r.t.Errorf("step %d (-want +got):\n%s", i, diff)
	}
}

// vectorBytes reads an argument: text, or bytes in hexadecimal.
func vectorBytes(t *testing.T, v any) string {
	t.Helper()
	if m, ok := v.(map[string]any); ok {
		b, err := hex.DecodeString(m["$bytes"].(string))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	return v.(string)
}
