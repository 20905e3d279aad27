package layer_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gochannels/channels/layer"
)

func text(s string) layer.Message { return layer.Message{"type": "test.text", "text": s} }

func newChannel(t testing.TB, l layer.ChannelLayer) *layer.Mailbox {
	t.Helper()
	box, err := l.NewChannel(t.Context())
	if err != nil {
		t.Fatalf("NewChannel: %v", err)
	}
	return box
}

func encode(t testing.TB, msg layer.Message) layer.Envelope {
	t.Helper()
	e, err := layer.Encode(msg)
	if err != nil {
		t.Fatalf("Encode: %v", err)
	}
	return e
}

func send(t testing.TB, l layer.ChannelLayer, channel string, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if err := l.Send(t.Context(), channel, text(s)); err != nil {
			t.Fatalf("Send: %v", err)
		}
	}
}

func groupSend(t testing.TB, l layer.ChannelLayer, group string, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if err := l.GroupSend(t.Context(), group, text(s)); err != nil {
			t.Fatalf("GroupSend: %v", err)
		}
	}
}

func groupAdd(t testing.TB, l layer.ChannelLayer, group string, channels ...string) {
	t.Helper()
	for _, channel := range channels {
		if err := l.GroupAdd(t.Context(), group, channel); err != nil {
			t.Fatalf("GroupAdd(%q, %q): %v", group, channel, err)
		}
	}
}

// drain takes all messages that wait and returns their texts.
func drain(t testing.TB, box *layer.Mailbox) []string {
	t.Helper()
	texts := []string{}
	for {
		e, ok := box.TryReceive()
		if !ok {
			return texts
		}
		texts = append(texts, textOf(t, e))
	}
}

func textOf(t testing.TB, e layer.Envelope) string {
	t.Helper()
	msg, err := e.Message()
	if err != nil {
		t.Fatalf("Message: %v", err)
	}
	s, _ := msg["text"].(string)
	return s
}

func checkDrain(t testing.TB, box *layer.Mailbox, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, drain(t, box), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

// receive takes the next message of a named channel, which must be there.
func receive(t testing.TB, l layer.ChannelLayer, channel string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	e, err := layer.Receive(ctx, l, channel)
	if err != nil {
		t.Fatalf("Receive(%q): %v", channel, err)
	}
	return textOf(t, e)
}

func checkErr(t testing.TB, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// checkStats compares all numbers; reasons that want leaves out are 0.
func checkStats(t testing.TB, got, want layer.Stats) {
	t.Helper()
	if want.Dropped == nil {
		want.Dropped = map[layer.DropReason]int64{}
	}
	for _, reason := range []layer.DropReason{layer.DropFull, layer.DropOldest, layer.DropClosed, layer.DropNoReceiver} {
		want.Dropped[reason] += 0
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
	checkConservation(t, got)
}

func checkConservation(t testing.TB, s layer.Stats) {
	t.Helper()
	ended := s.Delivered + s.Expired + s.Pending
	for _, n := range s.Dropped {
		ended += n
	}
	if ended != s.Routed || s.Pending < 0 {
		t.Errorf("%d copies routed, %d accounted for: %+v", s.Routed, ended, s)
	}
}
