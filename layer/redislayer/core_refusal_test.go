package redislayer_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

// A server without memory refuses what needs some. What can be read is, and everything goes on when there is some again.
func TestCoreOutOfMemory(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	l := coreReady(t, coreOptions(s))
	box, other := newChannel(t, l, "g"), newChannel(t, l)
	s.CLI("CONFIG", "SET", "maxmemory", "1mb")
	err := l.GroupSend(t.Context(), "g", message(1))
	if e := (*redislayer.ServerError)(nil); !errors.As(err, &e) || e.Code != "OOM" || !errors.Is(err, layer.ErrUnavailable) {
		t.Errorf("GroupSend: %v, want an OOM", err)
	}
	if err := l.GroupAdd(t.Context(), "g", other.Channel()); err != nil {
		t.Errorf("GroupAdd to a group that this process is in: %v", err)
	}
	if err := l.GroupAdd(t.Context(), "h", other.Channel()); !errors.Is(err, layer.ErrUnavailable) {
		t.Errorf("GroupAdd to another group: %v, want ErrUnavailable", err)
	}
	s.CLI("CLIENT", "KILL", "TYPE", "normal") // connecting must not need memory
	gapOf(t, box)
	coreUp(t, l, true)
	s.CLI("CONFIG", "SET", "maxmemory", "0")
	groupSend(t, l, "g", 2)
	expect(t, box, 2)
	expect(t, other, 2)
}

func TestCoreSaysWhatTheServerRefuses(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, "--requirepass", "secret")
	o := coreOptions(s)
	err := newCore(t, o).GroupSend(t.Context(), "g", message(1))
	if !errors.Is(err, layer.ErrUnavailable) || !strings.Contains(err.Error(), "NOAUTH") {
		t.Errorf("without the password: %v", err)
	}
	o.Hosts = []any{"redis://:secret@" + s.Addr() + "/0"}
	coreReady(t, o)
	// An ACL that allows nothing but keys of the prefix is enough.
	s.CLI("-a", "secret", "ACL", "SETUSER", "narrow", "on", ">word", "~"+o.Prefix+"*", "&"+o.Prefix+"*", "+@all", "-@admin", "-@dangerous", "+info")
	o.Hosts = []any{"redis://narrow:word@" + s.Addr() + "/0"}
	l := coreReady(t, o)
	box := newChannel(t, l, "g")
	groupSend(t, l, "g", 1)
	expect(t, box, 1)
	if err := l.Send(t.Context(), "jobs", message(2)); err != nil {
		t.Fatal(err)
	}
	if e, err := l.Receive(t.Context(), "jobs"); err != nil || number(t, e) != 2 {
		t.Errorf("Receive: %v", err)
	}
}
