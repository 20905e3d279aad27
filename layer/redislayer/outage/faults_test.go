package outage_test

import (
	"testing"
	"time"

	"github.com/gochannels/channels/layer/redislayer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

// killed has the server killed, and started again, empty, after a time.
func killed(away time.Duration) func(*testing.T, *place) {
	return func(t *testing.T, p *place) {
		p.server.Kill()
		rest(t, away)
		p.server.Restart()
	}
}

func paused(away time.Duration) func(*testing.T, *place) {
	return func(t *testing.T, p *place) {
		p.server.Pause()
		rest(t, away)
		p.server.Resume()
	}
}

// silent has a network that passes nothing on and says nothing.
func silent(hold func(*redistest.Proxy, bool)) func(*testing.T, *place) {
	return func(t *testing.T, p *place) {
		hold(p.proxy, true)
		rest(t, 11*time.Second)
		hold(p.proxy, false)
	}
}

// told sends the server commands.
func told(commands ...[]string) func(*testing.T, *place) {
	return func(t *testing.T, p *place) {
		for _, c := range commands {
			p.server.CLI(c...)
		}
	}
}

// faults are the rows of RELIABILITY that concern a site as a whole.
var faults = []*fault{
	{name: "F11 another process killed", strike: otherKilled, bound: time.Second}, // the longest
	{name: "F1 killed for half a second", strike: killed(500 * time.Millisecond), gaps: 1, bound: 2 * time.Second},
	{name: "F1 killed for five seconds", strike: killed(5 * time.Second), gaps: 1, bound: 2 * time.Second, refuses: true},
	{name: "F2 paused for ten seconds", strike: paused(10 * time.Second), gaps: 1, bound: 2 * time.Second, refuses: true},
	{name: "F2 paused for three seconds", strike: paused(3 * time.Second), bound: 2 * time.Second},
	{name: "F2 all clients paused", strike: func(t *testing.T, p *place) {
		p.server.CLI("CLIENT", "PAUSE", "3000", "ALL")
		rest(t, 3*time.Second)
	}, bound: 2 * time.Second},
	{name: "F2 asleep", start: drowsy, strike: told([]string{"DEBUG", "SLEEP", "3"}), bound: 2 * time.Second},
	{name: "F2 writes paused", strike: func(t *testing.T, p *place) {
		p.server.CLI("CLIENT", "PAUSE", "1500", "WRITE")
		rest(t, 1500*time.Millisecond)
	}, bound: 2 * time.Second},
	{name: "F3 F6 silent both ways", strike: silent((*redistest.Proxy).Blackhole), gaps: 1, bound: 3 * time.Second, refuses: true},
	{name: "F3 F6 silent from the server", strike: silent((*redistest.Proxy).BlackholeDown), gaps: 1, bound: 3 * time.Second, refuses: true},
	{name: "F3 F6 silent to the server", strike: silent((*redistest.Proxy).BlackholeUp), gaps: 1, bound: 3 * time.Second, refuses: true},
	{name: "F6 cut", strike: func(_ *testing.T, p *place) { p.proxy.Cut() }, gaps: 1, bound: 2 * time.Second},
	{name: "F7 slow link", strike: func(t *testing.T, p *place) {
		p.proxy.Delay(100 * time.Millisecond)
		rest(t, 5*time.Second)
		p.proxy.Delay(0)
	}, bound: 2 * time.Second},
	{name: "F7 narrow link", strike: func(t *testing.T, p *place) {
		p.proxy.Slice(500) // every ten milliseconds: fifty kilobytes a second
		p.proxy.Delay(10 * time.Millisecond)
		rest(t, 5*time.Second)
		p.proxy.Delay(0)
		p.proxy.Slice(0)
	}, bound: 2 * time.Second},
	{name: "F8 slow to read", only: "PubSub", start: impatient, strike: slow, gaps: 1, bound: 2 * time.Second},
	{name: "F8 another process stopped", strike: otherStopped, bound: time.Second},
	{name: "F8 another process dropped", only: "PubSub", start: impatient, strike: otherDropped, bound: time.Second},
	{name: "F15 out of memory", only: "Core", strike: func(t *testing.T, p *place) {
		p.server.CLI("CONFIG", "SET", "maxmemory", "1")
		rest(t, 3*time.Second)
		p.server.CLI("CONFIG", "SET", "maxmemory", "0")
	}, bound: 2 * time.Second},
	{name: "F15 a password all of a sudden", strike: func(t *testing.T, p *place) {
		p.server.CLI("CONFIG", "SET", "requirepass", "secret")
		p.server.CLI("-a", "secret", "CLIENT", "KILL", "TYPE", "normal")
		p.server.CLI("-a", "secret", "CLIENT", "KILL", "TYPE", "pubsub")
		rest(t, 3*time.Second)
		p.server.CLI("-a", "secret", "CONFIG", "SET", "requirepass", "")
	}, gaps: 1, bound: 2 * time.Second, refuses: true},
	{name: "F15 loading", only: "Core", start: laden, strike: reloaded, gaps: 1, bound: 2 * time.Second, refuses: true},
	{name: "F15 loading", only: "PubSub", start: laden, strike: reloaded, gaps: 1, bound: 2 * time.Second}, // which works meanwhile
	{name: "F15 scripts forgotten", strike: told([]string{"SCRIPT", "FLUSH"}), bound: time.Second},
	{name: "F19 all forgotten", only: "PubSub", strike: told([]string{"FLUSHALL"}), bound: time.Second},
	{name: "F19 all forgotten", only: "Core", strike: told([]string{"FLUSHALL"}), gaps: 1, bound: 6 * time.Second},
	{name: "F19 a group forgotten", only: "Core", strike: told([]string{"DEL", "asgi:group:all"}), gaps: 1, bound: 6 * time.Second},
	{name: "F19 a ledger forgotten", only: "Core", strike: unlisted, bound: time.Second},
	{name: "F19 evicted", only: "Core", strike: evicted, gaps: 1, bound: 6 * time.Second},
	{name: "F21 garbage", only: "Core", strike: garbage, bound: time.Second},
	{name: "F21 garbage", only: "PubSub", strike: told([]string{"PUBLISH", "asgi__group__all", "\xc1garbage"}), bound: time.Second},
	{name: "F15 read only", only: "Core", strike: func(t *testing.T, p *place) {
		p.server.CLI("REPLICAOF", "127.0.0.1", "1")
		rest(t, 3*time.Second)
		p.server.CLI("REPLICAOF", "NO", "ONE")
	}, gaps: 1, bound: 2 * time.Second, refuses: true}, // it could not be read from either
	{name: "F4 failover", start: sentinel, strike: func(_ *testing.T, p *place) { p.server.Kill() }, gaps: 1, bound: 4 * time.Second, refuses: true},
	{name: "F5 a node killed", only: "PubSub", start: cluster, strike: func(_ *testing.T, p *place) { p.nodes[0].Kill() }, gaps: 1, bound: 4 * time.Second},
	{name: "F5 failover by hand", only: "PubSub", start: replicated, strike: func(t *testing.T, p *place) {
		redistest.FailOver(t, p.nodes[:3], p.nodes[3])
	}, bound: time.Second},
	{name: "F5 slots moved", only: "PubSub", start: cluster, strike: reshard, bound: time.Second},
	{name: "F22 calls given up", strike: givenUp, bound: time.Second},
}

// sentinel starts a master with a replica and a Sentinel.
func sentinel(t *testing.T, p *place) (o redislayer.Options) {
	p.server = redistest.Start(t)
	redistest.StartReplica(t, p.server)
	s := redistest.StartSentinel(t, "main", p.server, 1)
	o.Hosts = []any{map[string]any{"sentinels": []any{[]any{"127.0.0.1", s.Port()}}, "master_name": "main"}}
	return o
}

func cluster(t *testing.T, p *place) redislayer.Options {
	o := redislayer.Options{Cluster: true}
	p.nodes = redistest.StartCluster(t, 3)
	for _, n := range p.nodes {
		o.Hosts = append(o.Hosts, n.URL())
	}
	return o
}

// replicated is a cluster whose first node, which the process is connected to, has a replica, the last.
func replicated(t *testing.T, p *place) redislayer.Options {
	o := cluster(t, p)
	p.nodes = append(p.nodes, redistest.AddReplica(t, p.nodes, p.nodes[0]))
	return o
}

// reshard moves slots from each node to the next.
func reshard(t *testing.T, p *place) {
	for i, from := range p.nodes {
		to := p.nodes[(i+1)%len(p.nodes)]
		from.CLI("--cluster", "reshard", from.Addr(), "--cluster-from", from.CLI("CLUSTER", "MYID"), "--cluster-to", to.CLI("CLUSTER", "MYID"),
			"--cluster-slots", "300", "--cluster-yes")
	}
}

func direct(t *testing.T, p *place) redislayer.Options {
	p.server = redistest.Start(t)
	p.proxy = redistest.NewProxy(t, p.server.Addr())
	return redislayer.Options{Hosts: []any{p.proxy.URL()}}
}
