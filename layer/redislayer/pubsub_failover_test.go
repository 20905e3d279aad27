package redislayer_test

import (
	"testing"
	"time"

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

// TestPubSubSentinelFailover is fault F4: the master is killed, and a replica takes its place.
func TestPubSubSentinelFailover(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t)
	redistest.Start(t, "--replicaof", "127.0.0.1", master.Port())
	sentinel := redistest.StartSentinel(t, "main", master, 1)
	hosts := []any{map[string]any{"sentinels": []any{[]any{"127.0.0.1", sentinel.Port()}}, "master_name": "main"}}
	first := ready(t, pubSub(t, redislayer.Options{Prefix: "asgi", Hosts: hosts}))
	second := ready(t, pubSub(t, redislayer.Options{Prefix: "asgi", Hosts: hosts}))
	one, two := newChannel(t, first, "g"), newChannel(t, second, "g")
	groupSend(t, first, "g", 1)
	expect(t, one, 1)
	expect(t, two, 1)
	killed := time.Now()
	master.Kill()
	up(t, first, false, soon)
	up(t, second, false, soon)
	up(t, first, true, soon)
	up(t, second, true, soon)
	t.Logf("both are back after %v", time.Since(killed).Round(time.Millisecond))
	gapOf(t, one)
	gapOf(t, two)
	groupSend(t, first, "g", 2)
	groupSend(t, second, "g", 3)
	expect(t, one, 2, 3)
	expect(t, two, 2, 3)
	noGap(t, one, two)
}
