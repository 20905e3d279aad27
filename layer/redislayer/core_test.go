package redislayer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

// pythonMember is a member that a Python process may have added.
const pythonMember = "specific.0123456789ab4cdef0123456789abcde!0123456789abcdef0123456789abcdef"

// groupMembers returns the members of a group, as Redis has them.
func groupMembers(s *redistest.Server, o *redislayer.Options, group string) []string {
	return strings.Fields(s.CLI("ZRANGE", o.Prefix+":group:"+group, "0", "-1"))
}

func pythonAdds(s *redistest.Server, o *redislayer.Options, group, channel string) {
	s.CLI("ZADD", o.Prefix+":group:"+group, fmt.Sprintf("%.6f", float64(time.Now().UnixMicro())/1e6), channel)
	s.CLI("EXPIRE", o.Prefix+":group:"+group, "86400")
}

func TestCoreIsInAGroupByOneName(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	o := coreOptions(s)
	l, other := coreReady(t, o), coreReady(t, o)
	boxes := make([]*layer.Mailbox, 50)
	for i := range boxes {
		boxes[i] = newChannel(t, l, "g")
	}
	newChannel(t, other, "g")
	members := groupMembers(s, o, "g")
	if len(members) != 2 {
		t.Fatalf("two processes are in the group by %q", members)
	}
	for _, m := range members {
		if err := layer.CheckChannelName(m); err != nil || !strings.HasPrefix(m, "specific.") || len(m) > 40 {
			t.Errorf("the member %q is no channel's short name: %v", m, err)
		}
	}
	groupSend(t, other, "g", 1)
	for _, box := range boxes {
		expect(t, box, 1)
	}
	for _, box := range boxes {
		box.Close()
	}
	until(t, soon, "the group has one member", func() bool { return len(groupMembers(s, o, "g")) == 1 })
}

// What Python adds by a channel's own name reaches it, once, whether or not it is in the group here as well.
func TestCoreWorksWithWhatPythonAdds(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 3} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			servers := []*redistest.Server{redistest.Start(t)}
			o := coreOptions(servers...)
			for range n - 1 {
				servers = append(servers, redistest.Start(t))
				o.Hosts = append(o.Hosts, servers[len(servers)-1].URL())
			}
			l, sender := coreReady(t, o), coreReady(t, o)
			add := func(group, channel string) {
				for _, s := range servers { // one of them is the group's
					pythonAdds(s, o, group, channel)
				}
			}
			both := make([]*layer.Mailbox, 20)
			for i := range both {
				both[i] = newChannel(t, l, "g")
				add("g", both[i].Channel())
			}
			only := newChannel(t, l)
			add("g", only.Channel())
			for i := range 20 {
				groupSend(t, sender, "g", i)
			}
			for _, box := range append(both, only) {
				for i := range 20 {
					expect(t, box, i)
				}
			}
			if err := sender.GroupDiscard(t.Context(), "g", only.Channel()); err != nil {
				t.Error(err)
			}
			if err := l.GroupDiscard(t.Context(), "g", both[0].Channel()); err != nil {
				t.Error(err)
			}
			groupSend(t, sender, "g", 100)
			expect(t, both[1], 100)
			for _, box := range []*layer.Mailbox{only, both[0]} {
				if err := sender.Send(t.Context(), box.Channel(), message(101)); err != nil {
					t.Fatal(err)
				}
				expect(t, box, 101)
			}
			noGap(t, both...)
		})
	}
}

// Python's send looks for a channel's server by its whole name.
func TestCoreHearsWhatPythonSendsByTheWrongServer(t *testing.T) {
	t.Parallel()
	var servers []*redistest.Server
	for range 3 {
		servers = append(servers, redistest.Start(t))
	}
	o := coreOptions(servers...)
	l := coreReady(t, o)
	box := newChannel(t, l)
	process, _, _ := strings.Cut(box.Channel(), "!")
	packed, err := mustEncode(t, message(7)).Msgpack()
	if err != nil {
		t.Fatal(err)
	}
	// A map of two becomes one of three, with the channel last.
	payload := "twelve bytes" + string([]byte{packed[0] + 1}) + string(packed[1:]) + "\xb0__asgi_channel__\xd9" + string(rune(len(box.Channel()))) + box.Channel()
	for _, s := range servers {
		s.CLI("ZADD", o.Prefix+process+"!", "1800000000.5", payload)
		expect(t, box, 7)
	}
}

func mustEncode(t *testing.T, m layer.Message) layer.Envelope {
	t.Helper()
	e, err := layer.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestCoreSendsToAPythonProcess(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	o := coreOptions(s)
	o.Capacity = 2
	l := coreReady(t, o)
	pythonAdds(s, o, "g", pythonMember)
	groupSend(t, l, "g", 1)
	if err := l.Send(t.Context(), pythonMember, message(2)); err != nil {
		t.Fatal(err)
	}
	if err := l.Send(t.Context(), pythonMember, message(3)); !errors.Is(err, layer.ErrFull) {
		t.Errorf("Send to a full process: %v, want ErrFull", err)
	}
	groupSend(t, l, "g", 4)
	process, _, _ := strings.Cut(pythonMember, "!")
	if n := s.CLI("ZCARD", o.Prefix+process+"!"); n != "2" {
		t.Errorf("the key holds %s messages, want 2", n)
	}
	if n := l.Stats().Dropped[layer.DropFull]; n != 2 {
		t.Errorf("%d messages counted as dropped, want 2", n)
	}
}

// A group of more processes than a command has arguments for, and two commands for a small one.
func TestCoreCommands(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	recorder := redistest.NewRecorder(t, s.Addr())
	o := coreOptions(s)
	receiver := coreReady(t, o)
	o.Hosts = []any{recorder.URL()}
	l := coreReady(t, o)
	box := newChannel(t, receiver, "small")
	recorder.Take()
	groupSend(t, l, "small", 1)
	expect(t, box, 1)
	process, _, _ := strings.Cut(groupMembers(s, o, "small")[0], "!")
	var sent []string
	for _, c := range recorder.Take() { // its reader's commands are about keys of its own
		if slices.Contains(c, o.Prefix+":group:small") || slices.Contains(c, o.Prefix+process+"!") {
			sent = append(sent, c[0])
		}
	}
	if diff := cmp.Diff([]string{"EVALSHA", "EVALSHA"}, sent); diff != "" {
		t.Errorf("a GroupSend (-want +got):\n%s", diff)
	}
	args := []string{"ZADD", o.Prefix + ":group:large"}
	for i := range 1000 {
		args = append(args, strconv.FormatInt(time.Now().Unix(), 10), fmt.Sprintf("specific.%032d!x", i))
	}
	s.CLI(args...)
	groupSend(t, l, "large", 2)
	if n := len(strings.Fields(s.CLI("KEYS", o.Prefix+"specific.000*"))); n != 1000 {
		t.Errorf("%d of 1000 processes have a message", n)
	}
	for _, c := range recorder.Take() {
		if len(c) > 1000 {
			t.Errorf("%s has %d arguments", c[0], len(c))
		}
		for i, a := range c {
			if strings.EqualFold(a, "config") || strings.EqualFold(a, "keys") || i == 0 && strings.EqualFold(a, "client") {
				t.Errorf("sent %q", c[:i+1])
			}
		}
	}
}

func TestCoreLeavesOthersInFlightAlone(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	o := coreOptions(s)
	l := coreReady(t, o)
	s.CLI("ZADD", o.Prefix+"jobs$inflight", "1800000000", "what a worker is at")
	for i := range 3 {
		if err := l.Send(t.Context(), "jobs", message(i)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 2 {
		e, err := l.Receive(t.Context(), "jobs")
		if err != nil {
			t.Fatal(err)
		}
		if n := number(t, e); n != i {
			t.Errorf("received %d, want %d", n, i)
		}
	}
	if n := s.CLI("ZCARD", o.Prefix+"jobs"); n != "1" {
		t.Errorf("%s messages are left for others, want 1", n)
	}
	if n := s.CLI("ZCARD", o.Prefix+"jobs$inflight"); n != "1" {
		t.Errorf("%s messages are in flight, want 1", n)
	}
}

// A message that is taken for a receiver who has just left goes back.
func TestCoreReceiveCancelledGivesBack(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	o := coreOptions(s)
	l, other := coreReady(t, o), coreReady(t, o)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := l.Receive(ctx, "jobs")
		done <- err
	}()
	until(t, soon, "the receiver waits", func() bool {
		return strings.Contains(s.CLI("CLIENT", "LIST"), "cmd=bzpopmin") && strings.Count(s.CLI("CLIENT", "LIST"), "cmd=bzpopmin") >= 3
	})
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Receive: %v", err)
	}
	if err := other.Send(t.Context(), "jobs", message(1)); err != nil {
		t.Fatal(err)
	}
	if e, err := other.Receive(t.Context(), "jobs"); err != nil || number(t, e) != 1 {
		t.Errorf("Receive: %v", err)
	}
}

// Python's senders drop in silence what a key has no room for.
func TestCoreSuspectsAnOverflow(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	o := coreOptions(s)
	l := coreReady(t, o)
	box, away := newChannel(t, l, "g"), newChannel(t, l)
	member := groupMembers(s, o, "g")[0]
	process, _, _ := strings.Cut(member, "!")
	args := []string{"ZADD", o.Prefix + process + "!"}
	for i := range 95 {
		args = append(args, strconv.Itoa(1800000000+i), "no message "+strconv.Itoa(i))
	}
	before := time.Now()
	s.CLI(args...)
	gap := gapOf(t, box)
	if gap.Since.After(before) || gap.Since.Before(before.Add(-soon)) {
		t.Errorf("the gap is since %v, want shortly before %v", gap.Since, before)
	}
	if gap.Cause != "suspected_overflow" {
		t.Errorf("the gap's cause is %q", gap.Cause)
	}
	if sameKey := strings.HasPrefix(away.Channel(), process); !sameKey {
		noGap(t, away)
	}
	if !strings.HasPrefix(box.Channel(), process) && !slices.Equal(gap.Groups, []string{"g"}) {
		t.Errorf("the gap's groups are %q", gap.Groups)
	}
	if n := metric(t, l, "refused_total"); n != 95 {
		t.Errorf("%d payloads refused, want 95", n)
	}
}

func TestCoreIsNotForClusters(t *testing.T) {
	t.Parallel()
	if _, err := redislayer.NewCore(&redislayer.Options{Cluster: true}); err == nil || !strings.Contains(err.Error(), "PubSub") {
		t.Errorf("NewCore for a cluster: %v", err)
	}
	l := newCore(t, coreOptions(redistest.Start(t, "--cluster-enabled", "yes")))
	begun := time.Now()
	err := l.GroupSend(t.Context(), "g", message(1))
	if !errors.Is(err, layer.ErrUnavailable) || !strings.Contains(err.Error(), "PubSub") {
		t.Errorf("GroupSend to a cluster: %v", err)
	}
	if took := time.Since(begun); took > time.Second {
		t.Errorf("it took %v", took)
	}
	if l.Ready() {
		t.Error("it is ready")
	}
}
