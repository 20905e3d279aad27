package redislayer_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

func TestPubSubNamesAreAnyText(t *testing.T) {
	t.Parallel()
	l := pubSub(t, redislayer.Options{Hosts: []any{redistest.Start(t).URL()}})
	box := newChannel(t, l)
	for n, name := range []string{"user:42", "room/7", "a b", "{a}*?[x]", "grüße 世界", "a\x00b\r\n", strings.Repeat("x", 300), "!"} {
		if err := l.GroupAdd(t.Context(), name, box.Channel()); err != nil {
			t.Errorf("GroupAdd(%q): %v", name, err)
			continue
		}
		groupSend(t, l, name, n)
		expect(t, box, n)
		if err := l.Send(t.Context(), name, message(n)); err != nil {
			t.Errorf("Send(%q): %v", name, err)
		}
	}
	for _, name := range []string{"", "\xff", "a\xc3"} {
		var refused *layer.NameError
		if err := l.GroupAdd(t.Context(), name, box.Channel()); !errors.As(err, &refused) {
			t.Errorf("GroupAdd(%q): %v, want a *NameError", name, err)
		}
		if err := l.Send(t.Context(), name, message(1)); !errors.As(err, &refused) {
			t.Errorf("Send(%q): %v, want a *NameError", name, err)
		}
	}
}

func TestPubSubForeignChannelIsUnknown(t *testing.T) {
	t.Parallel()
	l := pubSub(t, redislayer.Options{Hosts: []any{redistest.Start(t).URL()}})
	for _, name := range []string{"specific.other", "worker", "asgispecific.0123456789abcdef0123456789abcdef"} {
		if err := l.GroupAdd(t.Context(), "g", name); !errors.Is(err, layer.ErrUnknownChannel) {
			t.Errorf("GroupAdd of %q: %v, want ErrUnknownChannel", name, err)
		}
		if err := l.GroupDiscard(t.Context(), "g", name); err != nil {
			t.Errorf("GroupDiscard of %q: %v", name, err)
		}
	}
	if _, err := layer.Receive(t.Context(), l, "worker"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Receive: %v, want ErrUnsupported", err)
	}
}

// TestPubSubStartsWithoutAServer makes a layer before its server runs.
func TestPubSubStartsWithoutAServer(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.Kill()
	l := pubSub(t, redislayer.Options{Hosts: []any{server.URL()}, CallTimeout: 300 * time.Millisecond})
	begun := time.Now()
	if _, err := l.NewChannel(t.Context()); !errors.Is(err, layer.ErrUnavailable) {
		t.Errorf("NewChannel: %v, want ErrUnavailable", err)
	}
	if err := l.GroupSend(t.Context(), "g", message(1)); !errors.Is(err, layer.ErrUnavailable) {
		t.Errorf("GroupSend: %v, want ErrUnavailable", err)
	}
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("two calls took %v", took)
	}
	if l.Ready() {
		t.Error("ready without a server")
	}
	server.Restart()
	ready(t, l)
	box := newChannel(t, l, "g")
	groupSend(t, l, "g", 1)
	expect(t, box, 1)
	noGap(t, box)
	server.Kill()
	up(t, l, false, soon)
	if !l.Ready() {
		t.Error("not ready any more when the server is down")
	}
}

// TestPubSubOneSubscriptionForAGroup asks Redis what it was told.
func TestPubSubOneSubscriptionForAGroup(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	l := pubSub(t, redislayer.Options{Hosts: []any{server.URL()}, Prefix: "asgi"})
	boxes := []*layer.Mailbox{newChannel(t, l, "g"), newChannel(t, l, "g"), newChannel(t, l, "g")}
	if got := numsub(server, "asgi__group__g"); got != "1" {
		t.Errorf("%s subscriptions of the group, want 1", got)
	}
	want := nameSet(boxes, "asgi__group__g")
	for line := range strings.SplitSeq(server.CLI("PUBSUB", "CHANNELS"), "\n") {
		if !strings.HasPrefix(line, "asgi__probe__") && !want[line] {
			t.Errorf("subscribed to %q", line)
		}
		delete(want, line)
	}
	if len(want) > 0 {
		t.Errorf("not subscribed to %v", want)
	}
	for _, box := range boxes {
		box.Close()
	}
	until(t, soon, "nobody is subscribed", func() bool { return numsub(server, "asgi__group__g") == "0" })
	until(t, soon, "only the probe is left", func() bool {
		return !strings.Contains(server.CLI("PUBSUB", "CHANNELS"), "\n")
	})
}

func nameSet(boxes []*layer.Mailbox, more ...string) map[string]bool {
	names := make(map[string]bool)
	for _, box := range boxes {
		names[box.Channel()] = true
	}
	for _, name := range more {
		names[name] = true
	}
	return names
}

// numsub returns how many connections are subscribed to a channel.
func numsub(server *redistest.Server, channel string) string {
	_, n, _ := strings.Cut(server.CLI("PUBSUB", "NUMSUB", channel), "\n")
	return n
}

// TestPubSubFewRightsSuffice connects as a user who may do next to nothing, on both protocols.
func TestPubSubFewRightsSuffice(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.CLI("ACL", "SETUSER", "go", "on", ">secret", "~asgi*", "resetchannels", "&asgi*", "-@all", "+publish", "+subscribe", "+unsubscribe", "+hello", "+auth")
	for name, protocol := range map[string]int{"resp2": 2, "resp3": 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := map[string]any{"address": "redis://go:secret@" + server.Addr(), "protocol": protocol}
			l := pubSub(t, redislayer.Options{Hosts: []any{host}, Prefix: "asgi" + name})
			box := newChannel(t, l, "g")
			groupSend(t, l, "g", 1)
			expect(t, box, 1)
			if err := l.GroupDiscard(t.Context(), "g", box.Channel()); err != nil {
				t.Fatal(err)
			}
			groupSend(t, l, "g", 2)
			if err := l.Send(t.Context(), box.Channel(), message(3)); err != nil {
				t.Fatal(err)
			}
			expect(t, box, 3)

			other := pubSub(t, redislayer.Options{Hosts: []any{host}, Prefix: "other", CallTimeout: 300 * time.Millisecond})
			_, err := other.NewChannel(t.Context())
			checkRefused(t, err, "NOPERM")
		})
	}
}

func checkRefused(t *testing.T, err error, code string) {
	t.Helper()
	var refused *redislayer.ServerError
	if !errors.As(err, &refused) || !errors.Is(err, layer.ErrUnavailable) {
		t.Errorf("%v, want a *ServerError that is ErrUnavailable", err)
	} else if refused.Code != code {
		t.Errorf("code %q of %v, want %q", refused.Code, err, code)
	}
}

// TestPubSubPasswordChanges is NOAUTH of fault F15.
func TestPubSubPasswordChanges(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	l := pubSub(t, redislayer.Options{Hosts: []any{server.URL()}})
	box := newChannel(t, l, "g")
	server.CLI("CONFIG", "SET", "requirepass", "new")
	server.CLI("-a", "new", "--no-auth-warning", "CLIENT", "KILL", "TYPE", "normal")
	server.CLI("-a", "new", "--no-auth-warning", "CLIENT", "KILL", "TYPE", "pubsub")
	up(t, l, false, soon)
	var err error
	until(t, soon, "the refusal is known", func() bool {
		err = l.GroupSend(t.Context(), "g", message(1))
		var refused *redislayer.ServerError
		return errors.As(err, &refused)
	})
	checkRefused(t, err, "NOAUTH")
	_, err = l.NewChannel(t.Context())
	checkRefused(t, err, "NOAUTH")
	server.CLI("-a", "new", "--no-auth-warning", "CONFIG", "SET", "requirepass", "")
	up(t, l, true, soon)
	gapOf(t, box)
	groupSend(t, l, "g", 2)
	expect(t, box, 2)
}

// TestPubSubFullServerAndReplica: neither OOM nor READONLY concerns PUBLISH.
func TestPubSubFullServerAndReplica(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--maxmemory", "1mb", "--maxmemory-policy", "noeviction")
	l := pubSub(t, redislayer.Options{Hosts: []any{server.URL()}})
	box := newChannel(t, l, "g")
	if got := server.CLI("SET", "a", "b"); !strings.HasPrefix(got, "OOM") {
		t.Fatalf("SET on a full server: %q", got)
	}
	groupSend(t, l, "g", 1)
	expect(t, box, 1)
	server.CLI("CONFIG", "SET", "maxmemory", "0")
	server.CLI("REPLICAOF", "127.0.0.1", "1")
	if got := server.CLI("SET", "a", "b"); !strings.HasPrefix(got, "READONLY") {
		t.Fatalf("SET on a replica: %q", got)
	}
	groupSend(t, l, "g", 2)
	expect(t, box, 2)
	noGap(t, box)
}

// TestPubSubCancelledCalls is fault F22.
func TestPubSubCancelledCalls(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	l := pubSub(t, redislayer.Options{Hosts: []any{server.URL()}, Prefix: "asgi"})
	stays := newChannel(t, l, "g")
	var work sync.WaitGroup
	for worker := range 8 {
		work.Go(func() {
			for n := range 60 {
				ctx, cancel := context.WithCancel(t.Context())
				stop := time.AfterFunc(time.Duration(n%12)*30*time.Microsecond, cancel)
				box, err := l.NewChannel(ctx)
				if err == nil {
					err = errors.Join(
						l.GroupAdd(ctx, "g", box.Channel()),
						l.GroupAdd(ctx, "h", box.Channel()),
						l.GroupSend(ctx, "h", message(n)),
						l.Send(ctx, box.Channel(), message(n)))
					box.Close()
				}
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Errorf("worker %d: %v", worker, err)
				}
				stop.Stop()
				cancel()
			}
		})
	}
	work.Wait()
	until(t, soon, "Redis knows of what is left only", func() bool {
		return strings.Count(server.CLI("PUBSUB", "CHANNELS"), "\n") == 2
	})
	if s := l.Stats(); s.Channels != 1 || s.Groups != 1 || s.Memberships != 1 || s.Pending != 0 {
		t.Errorf("left over: %+v", s)
	}
	groupSend(t, l, "g", 1)
	expect(t, stays, 1)
}

// TestPubSubChurn joins and leaves; then Redis must know what the registry knows.
func TestPubSubChurn(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	l := pubSub(t, redislayer.Options{Hosts: []any{server.URL()}, Prefix: "asgi"})
	const workers, groups, rounds = 16, 40, 250
	var work sync.WaitGroup
	boxes := make([]*layer.Mailbox, workers)
	in := make([]map[string]bool, workers)
	begun := time.Now()
	for w := range workers {
		boxes[w], in[w] = newChannel(t, l), make(map[string]bool)
		work.Go(func() {
			for n := range rounds {
				g := "g" + string(rune('A'+(n*7+w*13+n*n)%groups))
				var err error
				if in[w][g] {
					err = l.GroupDiscard(t.Context(), g, boxes[w].Channel())
				} else {
					err = l.GroupAdd(t.Context(), g, boxes[w].Channel())
				}
				if err != nil {
					t.Error(err)
				}
				in[w][g] = !in[w][g]
			}
		})
	}
	work.Wait()
	t.Logf("%d joins and leaves in %v", workers*rounds, time.Since(begun).Round(time.Millisecond))
	for g := range groups {
		name := "g" + string(rune('A'+g))
		want := "0"
		for w := range workers {
			if in[w][name] {
				want = "1"
			}
		}
		until(t, soon, "the subscription of "+name+" is as it should be", func() bool {
			return numsub(server, "asgi__group__"+name) == want
		})
		groupSend(t, l, name, g)
		for w, box := range boxes {
			if in[w][name] {
				expect(t, box, g)
			} else if box.Len() != 0 {
				t.Errorf("%s reaches one who is not in it", name)
			}
		}
	}
}

// TestPubSubGapNamesGroups: of three servers one is lost, and who hears of it by a group only learns which.
func TestPubSubGapNamesGroups(t *testing.T) {
	t.Parallel()
	servers := []*redistest.Server{redistest.Start(t), redistest.Start(t), redistest.Start(t)}
	l := pubSub(t, redislayer.Options{Hosts: []any{servers[0].URL(), servers[1].URL(), servers[2].URL()}, Prefix: "asgi"})
	var groups []string
	for n := range 12 {
		groups = append(groups, "g"+string(rune('a'+n)))
	}
	boxes := []*layer.Mailbox{newChannel(t, l, groups...), newChannel(t, l, groups...), newChannel(t, l, groups...), newChannel(t, l)}
	var lost []string
	for _, g := range groups {
		if numsub(servers[1], "asgi__group__"+g) == "1" {
			lost = append(lost, g)
		}
	}
	servers[1].Restart()
	until(t, soon, "the connection is made again", func() bool { return metric(t, l, "reconnects_total") == 1 })
	up(t, l, true, soon)
	for i, box := range boxes {
		want := lost
		if numsub(servers[1], box.Channel()) == "1" {
			want = nil
		} else if i == 3 {
			noGap(t, box)
			continue
		}
		if diff := cmp.Diff(want, gapOf(t, box).Groups); diff != "" {
			t.Errorf("groups of gap %d (-want +got):\n%s", i, diff)
		}
	}
}
