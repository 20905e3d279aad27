package redislayer_test

import (
	"testing"
	"time"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

// TestPubSubOnACluster has two processes on two nodes of a cluster in one group, and loses the node of one.
func TestPubSubOnACluster(t *testing.T) {
	t.Parallel()
	nodes := redistest.StartCluster(t, 3)
	o := redislayer.Options{Prefix: "asgi", Cluster: true}
	for _, n := range nodes {
		o.Hosts = append(o.Hosts, n.URL())
	}
	first := ready(t, pubSub(t, o))
	o.Hosts = o.Hosts[1:]
	second := ready(t, pubSub(t, o))
	one, two := newChannel(t, first, "g"), newChannel(t, second, "g")
	for n, l := range []*redislayer.PubSub{first, second} {
		groupSend(t, l, "g", n)
		expect(t, one, n)
		expect(t, two, n)
	}
	if err := first.Send(t.Context(), two.Channel(), message(3)); err != nil {
		t.Fatal(err)
	}
	expect(t, two, 3)
	if s := first.Stats(); s.Routed != 2 || s.Pending != 0 {
		t.Errorf("%+v", s)
	}
	nodes[0].Kill()
	up(t, first, false, soon)
	up(t, first, true, soon)
	gapOf(t, one)
	for n, l := range []*redislayer.PubSub{first, second} {
		groupSend(t, l, "g", n)
		expect(t, one, n)
		expect(t, two, n)
	}
	noGap(t, one, two)
}

// failover is how long a failover may take that a Sentinel decides on after a second.
const failover = time.Second + 3*time.Second

// sentinel starts a master with a replica and a Sentinel, and returns the master and what Options.Hosts are.
func sentinel(t *testing.T) (master *redistest.Server, hosts []any) {
	t.Helper()
	master = redistest.Start(t)
	redistest.StartReplica(t, master)
	s := redistest.StartSentinel(t, "main", master, 1)
	return master, []any{map[string]any{"sentinels": []any{[]any{"127.0.0.1", s.Port()}}, "master_name": "main"}}
}

// failsOver kills the master of two processes that are in the group "g", and checks that a replica takes its place, with
// one gap each.
func failsOver(t *testing.T, master *redistest.Server, first, second interface {
	layer.ChannelLayer
	layer.Measured
},
) {
	t.Helper()
	one, two := newChannel(t, first, "g"), newChannel(t, second, "g")
	groupSend(t, first, "g", 1)
	expect(t, one, 1)
	expect(t, two, 1)
	killed := time.Now()
	master.Kill()
	up(t, first, false, soon)
	up(t, second, false, soon)
	up(t, first, true, failover-time.Since(killed))
	up(t, second, true, failover-time.Since(killed))
	t.Logf("both are back after %v", time.Since(killed).Round(time.Millisecond))
	gapOf(t, one)
	gapOf(t, two)
	groupSend(t, first, "g", 2)
	groupSend(t, second, "g", 3)
	expect(t, one, 2, 3)
	expect(t, two, 2, 3)
	noGap(t, one, two)
}

// TestPubSubSentinelFailover is fault F4: the master is killed, and a replica takes its place.
func TestPubSubSentinelFailover(t *testing.T) {
	t.Parallel()
	master, hosts := sentinel(t)
	o := redislayer.Options{Prefix: "asgi", Hosts: hosts}
	failsOver(t, master, ready(t, pubSub(t, o)), ready(t, pubSub(t, o)))
}
