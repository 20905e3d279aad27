package redislayer_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

// members are in one group, each with a group of its own beside.
func members(t *testing.T, l *redislayer.PubSub, n int) []*layer.Mailbox {
	t.Helper()
	boxes := make([]*layer.Mailbox, n)
	for i := range boxes {
		boxes[i] = newChannel(t, l, "all", "own"+string(rune('a'+i)))
	}
	return boxes
}

// recovered checks, once the servers are well again, that each mailbox learns of one gap, and gets what is sent from then
// on by the group and by its own name. What the sender was told is taken may be missing only from the outage.
func recovered(t *testing.T, receiver *redislayer.PubSub, s *sender, boxes []*layer.Mailbox, began time.Time, taken int) {
	t.Helper()
	up(t, receiver, true, soon)
	first := s.count() + 2
	for _, box := range boxes {
		g := gapOf(t, box)
		if g.Since.Before(began.Add(-2*time.Second)) || g.Since.After(time.Now()) || g.Cause == "" {
			t.Errorf("the gap is %+v, of an outage that began %v", g, began)
		}
	}
	until(t, soon, "sending goes on", func() bool { return s.count() > first+10 })
	s.stop()
	groupSend(t, receiver, "all", 1<<30)
	for i, box := range boxes {
		groupSend(t, receiver, "own"+string(rune('a'+i)), 1<<30+1)
		if err := receiver.Send(t.Context(), box.Channel(), message(1<<30+2)); err != nil {
			t.Errorf("Send: %v", err)
		}
		until(t, soon, "the last message", func() bool { return lastIs(t, box, s.taken, taken, first) })
	}
	noGap(t, boxes...)
}

// lastIs waits for the end of a mailbox's messages and compares them all.
func lastIs(t *testing.T, box *layer.Mailbox, sent []int, before, after int) bool {
	t.Helper()
	if box.Len() == 0 {
		return false
	}
	got := numbers(t, box)
	if !slices.Equal(got[max(0, len(got)-3):], []int{1 << 30, 1<<30 + 1, 1<<30 + 2}) {
		t.Errorf("the last messages are not there: %v", got[max(0, len(got)-5):])
	}
	for i, n := range sent {
		if (i < before || i >= after) && !slices.Contains(got, n) {
			t.Errorf("message %d was taken before or after the outage and did not arrive", n)
		}
	}
	return true
}

// TestPubSubSlowFaults runs, all at the same time, the faults that take real time. Each has servers of its own.
func TestPubSubSlowFaults(t *testing.T) {
	t.Parallel()
	var work sync.WaitGroup
	for name, fault := range map[string]func(*testing.T){
		"F1 killed":                    killed,
		"F2 paused":                    paused,
		"short pause":                  pausedShortly,
		"F3 F6 silent both ways":       func(t *testing.T) { silent(t, (*redistest.Proxy).Blackhole) },
		"F3 F6 silent to the server":   func(t *testing.T) { silent(t, (*redistest.Proxy).BlackholeUp) },
		"F3 F6 silent from the server": func(t *testing.T) { silent(t, (*redistest.Proxy).BlackholeDown) },
		"F3 without a probe":           unprobed,
		"F3 detached replica":          detached,
		"F7 slow link":                 slowLink,
		"F8 slow reader":               slowReader,
		"cut":                          cut,
	} {
		work.Go(func() { t.Run(name, fault) })
	}
	work.Wait()
}

// killed has the server killed and restarted after half a second.
func killed(t *testing.T) {
	server := redistest.Start(t)
	o := redislayer.Options{Hosts: []any{server.URL()}, Prefix: "asgi", Capacity: 100_000}
	receiver, other := ready(t, pubSub(t, o)), ready(t, pubSub(t, o))
	boxes := members(t, receiver, 20)
	s := startSender(t, other, "all", 5*time.Millisecond)
	until(t, soon, "messages are sent", func() bool { return s.count() > 50 })
	began, taken := time.Now(), s.count()
	server.Kill()
	up(t, receiver, false, soon)
	if _, err := receiver.NewChannel(t.Context()); err == nil {
		t.Error("NewChannel works without a server")
	}
	until(t, soon, "half a second has passed", func() bool { return time.Since(began) > 500*time.Millisecond })
	server.Restart()
	back := time.Now()
	recovered(t, receiver, s, boxes, began, taken-1)
	s.check(t, 2*time.Second+500*time.Millisecond)
	t.Logf("checked %v after the restart", time.Since(back).Round(time.Millisecond))
}

// paused has nobody answer for ten seconds.
func paused(t *testing.T) {
	server := redistest.Start(t)
	o := redislayer.Options{Hosts: []any{server.URL()}, Prefix: "asgi", Capacity: 100_000}
	receiver, other := ready(t, pubSub(t, o)), ready(t, pubSub(t, o))
	boxes := members(t, receiver, 5)
	s := startSender(t, other, "all", 5*time.Millisecond)
	until(t, soon, "messages are sent", func() bool { return s.count() > 20 })
	began, taken := time.Now(), s.count()
	server.Pause()
	until(t, 2*soon, "ten seconds have passed", func() bool { return time.Since(began) > 10*time.Second })
	server.Resume()
	recovered(t, receiver, s, boxes, began, taken-1)
	s.check(t, 2*time.Second+500*time.Millisecond)
}

// pausedShortly: what waits for three seconds is not lost.
func pausedShortly(t *testing.T) {
	server := redistest.Start(t)
	o := redislayer.Options{Hosts: []any{server.URL()}, Prefix: "asgi", Capacity: 100_000}
	receiver, other := ready(t, pubSub(t, o)), ready(t, pubSub(t, o))
	boxes := members(t, receiver, 5)
	s := startSender(t, other, "all", 5*time.Millisecond)
	until(t, soon, "messages are sent", func() bool { return s.count() > 20 })
	began := time.Now()
	server.Pause()
	until(t, soon, "three seconds have passed", func() bool { return time.Since(began) > 3*time.Second })
	server.Resume()
	from := s.count()
	until(t, soon, "sending goes on", func() bool { return s.count() > from+20 })
	s.stop()
	groupSend(t, receiver, "all", 1<<30)
	for _, box := range boxes {
		until(t, soon, "messages", func() bool { return box.Len() > 0 })
		got := numbers(t, box)
		for _, n := range s.taken {
			if !slices.Contains(got, n) {
				t.Errorf("message %d was lost", n)
			}
		}
	}
	s.check(t, 2*time.Second+500*time.Millisecond)
	noGap(t, boxes...)
}

// cut closes all connections of one process, as a proxy or a failover does. Its own calls wait for the new ones.
func cut(t *testing.T) {
	server := redistest.Start(t)
	proxy := redistest.NewProxy(t, server.Addr())
	receiver := ready(t, pubSub(t, redislayer.Options{Hosts: []any{proxy.URL()}, Prefix: "asgi", Capacity: 100_000}))
	boxes := members(t, receiver, 5)
	for n := range 3 {
		began := time.Now()
		proxy.Cut()
		up(t, receiver, false, soon)
		if n > 0 { // the wait grows beyond that of calls
			up(t, receiver, true, soon)
		}
		if err := receiver.GroupSend(t.Context(), "all", message(1)); err != nil {
			if after := time.Since(began); after < 500*time.Millisecond {
				t.Errorf("GroupSend: %v, only %v after the cut", err, after)
			}
			up(t, receiver, true, soon) // the machine is busy
			groupSend(t, receiver, "all", 1)
		}
		for _, box := range boxes {
			gapOf(t, box)
			expect(t, box, 1)
		}
	}
	noGap(t, boxes...)
	if n := metric(t, receiver, "reconnects_total"); n != 3 {
		t.Errorf("%d reconnections counted, want 3", n)
	}
}

// TestFlushedServerLosesNothing is fault F19.
func TestFlushedServerLosesNothing(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	l := pubSub(t, redislayer.Options{Hosts: []any{server.URL()}})
	box := newChannel(t, l, "g")
	server.CLI("FLUSHALL")
	server.CLI("SCRIPT", "FLUSH")
	groupSend(t, l, "g", 1)
	expect(t, box, 1)
	noGap(t, box)
}

// TestGarbageHarmsNobody is fault F21.
func TestGarbageHarmsNobody(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for name, o := range map[string]redislayer.Options{
		"msgpack":   {},
		"json":      {Format: "json"},
		"encrypted": {EncryptionKeys: []string{"secret"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o.Hosts, o.Prefix = []any{server.URL()}, "asgi"+name
			l := pubSub(t, o)
			box := newChannel(t, l, "g")
			garbage := []string{"garbage", "", "\xc1", "\xdd\xff\xff\xff\xff", "[]", "\x81\x01\x02", "{\"a\"", "\x90", "gAAAAAB"}
			for _, g := range garbage {
				server.CLI("PUBLISH", o.Prefix+"__group__g", g)
				server.CLI("PUBLISH", box.Channel(), g)
			}
			groupSend(t, l, "g", 1)
			expect(t, box, 1)
			noGap(t, box)
			if n := metric(t, l, "refused_total"); n != int64(2*len(garbage)) {
				t.Errorf("%d payloads counted as refused, want %d", n, 2*len(garbage))
			}
			if s := l.Stats(); s.Routed != 1 || s.Delivered != 1 {
				t.Errorf("garbage is counted as messages: %+v", s)
			}
		})
	}
}

// slowLink has every message take its time; none is lost or out of order.
func slowLink(t *testing.T) {
	server := redistest.Start(t)
	proxy := redistest.NewProxy(t, server.Addr())
	l := ready(t, pubSub(t, redislayer.Options{Hosts: []any{proxy.URL()}}))
	box := newChannel(t, l, "g")
	proxy.Delay(100 * time.Millisecond)
	var work sync.WaitGroup
	for range 20 {
		work.Go(func() {
			if err := l.GroupSend(t.Context(), "other", message(0)); err != nil {
				t.Errorf("GroupSend: %v", err)
			}
		})
	}
	for n := range 8 {
		groupSend(t, l, "g", n)
	}
	work.Wait()
	expect(t, box, 0, 1, 2, 3, 4, 5, 6, 7)
	noGap(t, box)
}

// slowReader stops reading until the server has had enough. What it had sent arrives, and then a gap.
func slowReader(t *testing.T) {
	server := redistest.Start(t, "--client-output-buffer-limit", "pubsub 8mb 0 0")
	patient := redislayer.Options{Hosts: []any{server.URL()}, Prefix: "asgi", ProbeInterval: time.Minute} // or the process might have had enough first
	l := ready(t, pubSub(t, patient))
	other := ready(t, pubSub(t, redislayer.Options{Hosts: []any{server.URL()}, Prefix: "asgi"}))
	box, slow := newChannel(t, l, "g"), newChannel(t, l, "slow")
	stop := make(chan struct{})
	slow.Divert(func(layer.Envelope) bool {
		<-stop
		return true
	})
	groupSend(t, other, "slow", 1)
	text := strings.Repeat("x", 1<<18)
	const sent = 80 // twenty megabytes: more than the server and both sockets hold
	for n := range sent {
		if err := other.GroupSend(t.Context(), "g", layer.Message{"type": "a", "n": n, "text": text}); err != nil {
			t.Fatal(err)
		}
	}
	until(t, soon, "the server closes the connection", func() bool { return numsub(server, "asgi__group__g") == "0" })
	close(stop)
	g := gapOf(t, box)
	gapOf(t, slow)
	groupSend(t, other, "g", 1<<30)
	until(t, soon, "the last message", func() bool { return box.Len() > 0 })
	got := numbers(t, box)
	if len(got) < 2 || got[len(got)-1] != 1<<30 || len(got) > sent {
		t.Errorf("%d messages sent, received %v", sent, got)
	}
	t.Logf("the server gave up after %d messages, of which %d arrived; gap: %s", sent, len(got)-1, g.Cause)
	noGap(t, box, slow)
}

// TestPubSubGapForEach loses a connection that many mailboxes hear by, over and over: each learns of it, once.
func TestPubSubGapForEach(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	l := ready(t, pubSub(t, redislayer.Options{Hosts: []any{server.URL()}}))
	boxes := make([]*layer.Mailbox, 300)
	for i := range boxes {
		boxes[i] = newChannel(t, l, "g")
	}
	for n := range 2 {
		server.CLI("CLIENT", "KILL", "TYPE", "pubsub")
		begun := time.Now()
		for _, box := range boxes {
			gapOf(t, box)
		}
		t.Logf("%d gaps after %v", len(boxes), time.Since(begun).Round(time.Millisecond))
		noGap(t, boxes...)
		if got := l.Stats().Gaps; got != int64((n+1)*len(boxes)) {
			t.Errorf("%d gaps counted, want %d", got, (n+1)*len(boxes))
		}
	}
}
