package redislayer_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

// coreUp waits until every server is connected to, or none is.
func coreUp(t testing.TB, l layer.Measured, want bool) {
	t.Helper()
	up(t, l, want, 2*soon)
}

func TestCoreSurvivesARestart(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	o := coreOptions(s)
	l := coreReady(t, o)
	boxes := []*layer.Mailbox{newChannel(t, l, "g"), newChannel(t, l, "g", "other"), newChannel(t, l)}
	sender := startSender(t, l, "g", 20*time.Millisecond)
	until(t, soon, "messages arrive", func() bool { return boxes[0].Len() > 10 })
	s.Kill()
	coreUp(t, l, false)
	newChannel(t, l).Close() // it asks no server
	if err := l.GroupAdd(t.Context(), "new", boxes[2].Channel()); !errors.Is(err, layer.ErrUnavailable) {
		t.Errorf("GroupAdd: %v, want ErrUnavailable", err)
	}
	s.Restart()
	begun := time.Now()
	coreUp(t, l, true)
	t.Logf("connected %v after the restart", time.Since(begun).Round(time.Millisecond))
	for _, box := range boxes {
		gapOf(t, box)
	}
	n := boxes[0].Len()
	until(t, soon, "messages arrive again", func() bool { return boxes[0].Len() > n+10 })
	sender.stop()
	sender.check(t, 2*time.Second+500*time.Millisecond)
	numbers(t, boxes[0])
	numbers(t, boxes[1])
	noGap(t, boxes...)
	if g := l.Stats().Gaps; g != 3 {
		t.Errorf("%d gaps for 3 channels", g)
	}
}

// A server that says nothing for three seconds has lost nothing; one that says nothing for longer is given up.
func TestCoreSilence(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	l := coreReady(t, coreOptions(s))
	box := newChannel(t, l, "g")
	sender := startSender(t, l, "g", 100*time.Millisecond)
	pausing := func(d time.Duration, what string, ok func() bool) {
		s.Pause()
		defer s.Resume()
		begun := time.Now()
		until(t, d, what, ok)
		t.Logf("%s after %v", what, time.Since(begun).Round(time.Millisecond))
	}
	begun := time.Now()
	pausing(soon, "three seconds are over", func() bool { return time.Since(begun) > 3*time.Second })
	until(t, soon, "messages arrive", func() bool { return box.Len() > 10 })
	noGap(t, box)
	pausing(soon, "the silence is noticed", func() bool { return metric(t, l, "servers_up") == 0 })
	coreUp(t, l, true)
	gapOf(t, box)
	n := box.Len()
	until(t, soon, "messages arrive again", func() bool { return box.Len() > n+10 })
	sender.stop()
	sender.check(t, 2*time.Second+500*time.Millisecond)
	numbers(t, box)
	noGap(t, box)
}

// A connection that is cut, with the server alive, loses no membership.
func TestCoreSurvivesACut(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	proxy := redistest.NewProxy(t, s.Addr())
	o := coreOptions()
	o.Hosts = []any{proxy.URL()}
	l := coreReady(t, o)
	box := newChannel(t, l, "g")
	groupSend(t, l, "g", 1)
	expect(t, box, 1)
	for range 3 {
		proxy.Cut()
		gapOf(t, box)
		coreUp(t, l, true)
		groupSend(t, l, "g", 2)
		expect(t, box, 2)
		noGap(t, box)
	}
}

// A connection that is lost on its way, while the server takes it for alive, gets none of the messages that come afterwards.
func TestCoreLosesNothingToALostConnection(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	p := redistest.NewProxy(t, s.Addr())
	there := coreOptions(s)
	o := *there
	o.Hosts = []any{p.URL()}
	l := coreReady(t, &o)
	sender := coreReady(t, there)
	box := newChannel(t, l, "g")
	groupSend(t, sender, "g", 0)
	expect(t, box, 0)
	p.Strand()
	until(t, soon, "the layer is connected again", func() bool { return metric(t, l, "reconnects_total") == 1 })
	gapOf(t, box)
	for i := range 100 {
		groupSend(t, sender, "g", i)
	}
	for i := range 100 {
		expect(t, box, i)
	}
	noGap(t, box)
}

// What Python sends one after the other while the process is held up is more than fits into a key, but waits at the server.
func TestCoreIsHeldUp(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	p := redistest.NewProxy(t, s.Addr())
	o := coreOptions(s)
	o.Hosts = []any{p.URL()}
	l := coreReady(t, o)
	box := newChannel(t, l, "g")
	member := groupMembers(s, o, "g")[0]
	process, _, _ := strings.Cut(member, "!")
	groupSend(t, l, "g", 0)
	expect(t, box, 0)
	p.Blackhole(true)
	for i := range 40 {
		s.CLI("ZADD", o.Prefix+process+"!", strconv.Itoa(1800000000+i), "no message "+strconv.Itoa(i))
	}
	if n := s.CLI("ZCARD", o.Prefix+process+"!"); n != "0" {
		t.Errorf("%s messages take up room", n)
	}
	p.Blackhole(false)
	until(t, soon, "all have arrived", func() bool { return metric(t, l, "refused_total") == 40 })
	noGap(t, box)
}

func TestCoreHealsAFlush(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	l := coreReady(t, coreOptions(s))
	in, out := newChannel(t, l, "g", "h"), newChannel(t, l)
	for _, group := range []string{"g", "h"} { // all, then one key
		if group == "g" {
			s.CLI("FLUSHALL")
		} else {
			s.CLI("DEL", s.CLI("KEYS", "*:group:h"))
		}
		begun := time.Now()
		gap := gapOf(t, in)
		t.Logf("noticed %v after the loss", time.Since(begun).Round(time.Millisecond))
		if len(gap.Groups) == 0 {
			t.Errorf("the gap names no groups: %+v", gap)
		}
		noGap(t, out)
		groupSend(t, l, group, 1)
		expect(t, in, 1)
	}
	noGap(t, in)
}

// Nothing that others may leave in Redis keeps a message from anybody.
func TestCoreSuffersNoPoison(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	o := coreOptions(s)
	l := coreReady(t, o)
	box := newChannel(t, l, "g", "h")
	process, _, _ := strings.Cut(box.Channel(), "!")
	n := 0
	fine := func(what string) {
		t.Helper()
		n++
		groupSend(t, l, "g", n)
		expect(t, box, n)
		if err := l.Send(t.Context(), box.Channel(), message(n)); err != nil {
			t.Fatalf("Send: %v", err)
		}
		expect(t, box, n)
		if _, ok := box.TryReceive(); ok {
			t.Errorf("%s: something else arrived", what)
		}
	}
	fine("nothing")
	for i, garbage := range []string{"", "x", "twelve bytes", "twelve bytes\xc1", "twelve bytes\xdf\xff\xff\xff\xff", "twelve bytes\x80", "twelve bytes\x81\xb0__asgi_channel__\xa1x"} {
		s.CLI("ZADD", o.Prefix+process+"!", strconv.Itoa(i), garbage)
		fine("garbage " + strconv.Itoa(i))
	}
	for _, member := range []string{"", "no name", "\xff", "a!b!c", strings.Repeat("x", 1000), "specific.gone!x"} {
		s.CLI("ZADD", o.Prefix+":group:g", "1800000000", member)
		fine("the member " + strconv.Quote(member))
	}
	s.CLI("SET", o.Prefix+process+"!", "no sorted set")
	until(t, soon, "the key is ours again", func() bool { return l.Send(t.Context(), box.Channel(), message(0)) == nil })
	expect(t, box, 0)
	fine("a key of another type")
	s.CLI("SET", o.Prefix+":group:h", "no sorted set")
	if err := l.GroupSend(t.Context(), "h", message(0)); !errors.Is(err, layer.ErrUnavailable) {
		t.Errorf("GroupSend to a group of another type: %v", err)
	}
	fine("a group of another type")
	s.CLI("SCRIPT", "FLUSH")
	fine("forgotten scripts")
	for i, garbage := range []string{"x", "twelve bytes\xc1"} {
		s.CLI("ZADD", o.Prefix+"jobs", strconv.Itoa(1800000000+i), garbage)
	}
	if err := l.Send(t.Context(), "jobs", message(5)); err != nil {
		t.Fatal(err)
	}
	s.CLI("ZADD", o.Prefix+"jobs", "0", "garbage before")
	if e, err := l.Receive(t.Context(), "jobs"); err != nil || number(t, e) != 5 {
		t.Errorf("Receive: %v", err)
	}
	noGap(t, box)
}

// A group's own memberships outlive a group_expiry that is short.
func TestCoreRenewsLeases(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	o := coreOptions(s)
	o.GroupExpiry = 2 * time.Second
	l := coreReady(t, o)
	box := newChannel(t, l, "g")
	begun := time.Now()
	for i := 1; time.Since(begun) < 3*o.GroupExpiry; i++ {
		groupSend(t, l, "g", i)
		expect(t, box, i)
	}
	noGap(t, box)
}
