package redislayer_test

import (
	"testing"
	"time"

	"github.com/gochannels/channels/layer/redislayer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

// noticed is within what a probe notices a silent server.
const noticed = 10 * time.Second

// silent has a network that passes nothing on, in both directions or one, and says nothing.
func silent(t *testing.T, hold func(*redistest.Proxy, bool)) {
	server := redistest.Start(t)
	proxy := redistest.NewProxy(t, server.Addr())
	receiver := ready(t, pubSub(t, redislayer.Options{Hosts: []any{proxy.URL()}, Prefix: "asgi", Capacity: 100_000}))
	other := ready(t, pubSub(t, redislayer.Options{Hosts: []any{server.URL()}, Prefix: "asgi", Capacity: 100_000}))
	boxes := members(t, receiver, 5)
	s := startSender(t, other, "all", 5*time.Millisecond)
	until(t, soon, "messages are sent", func() bool { return s.count() > 20 })
	began, taken := time.Now(), s.count()
	hold(proxy, true)
	up(t, receiver, false, noticed)
	t.Logf("noticed after %v", time.Since(began).Round(time.Millisecond))
	if n := metric(t, receiver, "silences_total"); n != 1 {
		t.Errorf("%d silences counted, want 1", n)
	}
	hold(proxy, false)
	recovered(t, receiver, s, boxes, began, taken-1)
	s.check(t, 2*time.Second+500*time.Millisecond)
}

// unprobed is what the probe is for: with one that does not come in time, a silent subscription goes on as if nobody had
// anything to say.
func unprobed(t *testing.T) {
	server := redistest.Start(t)
	proxy := redistest.NewProxy(t, server.Addr())
	o := redislayer.Options{Hosts: []any{proxy.URL()}, Prefix: "asgi", Capacity: 100_000}
	probed := ready(t, pubSub(t, o))
	o.ProbeInterval = time.Hour
	receiver := ready(t, pubSub(t, o))
	other := ready(t, pubSub(t, redislayer.Options{Hosts: []any{server.URL()}, Prefix: "asgi"}))
	box, beside := newChannel(t, receiver, "all"), newChannel(t, probed, "all")
	groupSend(t, other, "all", 1)
	expect(t, box, 1)
	expect(t, beside, 1)
	proxy.BlackholeDown(true)
	groupSend(t, other, "all", 2)
	up(t, probed, false, noticed)
	if n := metric(t, receiver, "servers_up"); n != 1 || box.Len() != 0 {
		t.Errorf("without a probe, %d servers are up and %d messages have come by the time that a probe noticed; want 1 and 0", n, box.Len())
	}
	noGap(t, box)
	proxy.BlackholeDown(false)
	gapOf(t, beside)
}

// detached has a replica, which a process is connected to, leave its master. The process cannot notice: the server answers,
// and passes its own probes on. It hears those who are connected to the same server, and nobody else.
func detached(t *testing.T) {
	master := redistest.Start(t)
	replica := redistest.StartReplica(t, master)
	receiver := ready(t, pubSub(t, redislayer.Options{Hosts: []any{replica.URL()}, Prefix: "asgi"}))
	other := ready(t, pubSub(t, redislayer.Options{Hosts: []any{master.URL()}, Prefix: "asgi"}))
	box, far := newChannel(t, receiver, "all"), newChannel(t, other, "all")
	groupSend(t, other, "all", 1)
	expect(t, far, 1)
	expect(t, box, 1)
	replica.CLI("REPLICAOF", "NO", "ONE")
	began := time.Now()
	groupSend(t, other, "all", 2)
	expect(t, far, 2)
	until(t, 2*noticed, "a probe would have noticed", func() bool { return time.Since(began) > noticed })
	groupSend(t, receiver, "all", 3)
	expect(t, box, 3)
	if n := metric(t, receiver, "silences_total"); n != 0 {
		t.Errorf("%d silences counted, where doc.go says that nothing is noticed", n)
	}
	noGap(t, box, far)
	if far.Len() != 0 {
		t.Error("what was published on the replica came to the master")
	}
}
