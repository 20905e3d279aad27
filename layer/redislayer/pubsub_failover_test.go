package redislayer_test

import (
	"slices"
	"strconv"
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

// TestPubSubClusterFailover is fault F5 as planned: a replica takes its master's place, by CLUSTER FAILOVER, while hundreds of
// messages a second are sent. Processes on the old master, the new one and another node hear all of them, once and in order.
func TestPubSubClusterFailover(t *testing.T) {
	t.Parallel()
	nodes := redistest.StartCluster(t, 3)
	replica := redistest.AddReplica(t, nodes, nodes[0])
	on := func(s *redistest.Server) *redislayer.PubSub {
		return ready(t, pubSub(t, redislayer.Options{Prefix: "asgi", Cluster: true, Hosts: []any{s.URL()}, Capacity: 100_000}))
	}
	places := []*redistest.Server{nodes[0], replica, nodes[1]}
	boxes, senders := make([][]*layer.Mailbox, len(places)), make([]*sender, len(places))
	for i := range places {
		l := on(places[i])
		for j := range places {
			boxes[i] = append(boxes[i], newChannel(t, l, groupFrom(j)))
		}
	}
	for i, s := range places {
		senders[i] = startSender(t, on(s), groupFrom(i), 5*time.Millisecond)
	}
	goOn := func() { // for a second or so
		for _, s := range senders {
			from := s.count()
			until(t, soon, "messages are sent", func() bool { return s.count() > from+150 })
		}
	}
	goOn()
	began := time.Now()
	redistest.FailOver(t, nodes, replica)
	took := time.Since(began)
	goOn()
	for i, s := range senders {
		s.stop()
		s.check(t, 2*time.Second+500*time.Millisecond)
		if len(s.errs) > 0 {
			t.Errorf("%d messages were refused, the first by %v", len(s.errs), s.errs[0])
		}
		for j := range places {
			until(t, soon, "all messages", func() bool { return boxes[j][i].Len() >= len(s.taken) })
			if got := numbers(t, boxes[j][i]); !slices.Equal(got, s.taken) {
				t.Errorf("%d of %d messages came", len(got), len(s.taken))
			}
			noGap(t, boxes[j][i])
		}
	}
	t.Logf("the failover took %v", took.Round(time.Millisecond))
}

// groupFrom is the group that a place's sender sends to.
func groupFrom(place int) string { return "from" + strconv.Itoa(place) }

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
