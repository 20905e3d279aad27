package main

import "slices"

// scenario is one way to load servers.
type scenario struct {
	name    string
	servers []string // what a library's own example can't do, it is not among
	load    []string // flags of the load
	program []string // flags of the servers in Go
	layer   string   // what carries the messages, if it isn't memory
	django  []string // more flags of the load for Django, which takes hundreds of times as long
	quick   []string // more flags of the load for a run that only shows that it works
}

var (
	ours     = []string{"channels"}
	handlers = []string{"channels-envelope", "channels-struct", "channels-message"}
	floors   = []string{"floor"}
	peers    = []string{"gws", "gorilla", "melody", "centrifuge", "coder", "nhooyr"}
	django   = []string{"uvicorn", "daphne"}
	all      = slices.Concat(ours, floors, peers)
)

// plan is what is run, in this order. All of it takes about an hour with three
// runs of each server.
var plan = []scenario{
	{
		name: "fanout", servers: slices.Concat(ours, handlers, floors, []string{"floor-coalesce"}, peers),
		load: flags("-n 1000 -msgs 300"), quick: flags("-n 20 -msgs 20"),
	},
	{
		name: "fanout-5000", servers: slices.Concat(ours, floors, []string{"floor-coalesce"}, peers),
		load: flags("-n 5000 -msgs 80"), quick: flags("-n 50 -msgs 20"),
	},
	{
		name: "window-1", servers: all,
		load: flags("-n 1000 -msgs 100 -window 1"), quick: flags("-n 20 -msgs 20"),
	},
	{
		name: "rate", servers: all,
		load: flags("-n 1000 -msgs 100 -rate 20"), quick: flags("-n 20 -msgs 20 -rate 500"),
	},
	{
		name: "burst", servers: slices.Concat(ours, handlers, floors, peers),
		load: flags("-n 1000 -msgs 600 -window 0"), quick: flags("-n 20 -msgs 20"),
	},
	{
		name: "deflate", servers: slices.Concat(ours, peers), program: flags("-deflate"),
		load: flags("-n 1000 -msgs 100 -deflate -size 1024"), quick: flags("-n 20 -msgs 20"),
	},
	{
		name: "tls", servers: slices.Concat(ours, peers), program: flags("-tls"),
		load: flags("-n 1000 -msgs 200 -tls"), quick: flags("-n 20 -msgs 20"),
	},
	{
		name: "binary", servers: without(all, "centrifuge"), program: flags("-binary"),
		load: flags("-n 1000 -msgs 200 -binary"), quick: flags("-n 20 -msgs 20"),
	},
	{
		name: "groups", servers: []string{"channels", "floor", "melody", "centrifuge"},
		load: flags("-n 10000 -groups 1000 -msgs 3000 -window 320"), quick: flags("-n 20 -groups 5 -msgs 20"),
	},
	{
		name: "groups-50", servers: []string{"channels", "floor", "melody", "centrifuge"},
		load: flags("-n 1000 -groups 1000 -in 50 -msgs 4000"), quick: flags("-n 20 -groups 5 -in 2 -msgs 20"),
	},
	{
		name: "stalled", servers: without(all, "floor"),
		load: flags("-n 200 -stalled 1 -size 4096 -rate 150 -msgs 1200"), quick: flags("-n 20 -stalled 10 -rate 500 -msgs 20"),
	},
	{
		name: "mixed", servers: all,
		load: flags("-scenario mixed -n 500 -rate 20 -t 3s"), quick: flags("-n 20 -rate 100 -t 200ms"),
	},
	{
		name: "echo", servers: slices.Concat(ours, handlers, floors, peers, django),
		load: flags("-scenario echo -n 100 -t 3s"), quick: flags("-n 20 -t 200ms"),
	},
	{
		name: "echo-binary", servers: without(all, "centrifuge"), program: flags("-binary"),
		load: flags("-scenario echo -n 100 -t 2s -binary"), quick: flags("-n 20 -t 200ms"),
	},
	{
		name: "connect", servers: slices.Concat(all, django),
		load: flags("-scenario connect -t 2s"), quick: flags("-t 200ms"),
	},
	{
		name: "idle", servers: slices.Concat(all, django),
		load: flags("-scenario idle -n 5000 -t 2s"), django: flags("-opening 16"), quick: flags("-n 50 -t 100ms"),
	},
	{
		name: "idle-browser", servers: all,
		load: flags("-scenario idle -n 5000 -t 2s -headers 15"), quick: flags("-n 50 -t 100ms"),
	},
	{
		name: "idle-carried", servers: all,
		load: flags("-scenario idle -n 5000 -t 8s -carry 10"), quick: flags("-n 50 -t 100ms"),
	},
	{
		name: "django-memory", servers: slices.Concat(ours, handlers, django),
		load: flags("-n 500 -msgs 1000"), django: flags("-msgs 40 -opening 16"), quick: flags("-n 20 -msgs 20"),
	},
	{
		name: "django-core", servers: slices.Concat(ours, handlers, django), layer: "core",
		load: flags("-n 500 -msgs 1000"), django: flags("-msgs 40 -opening 16"), quick: flags("-n 20 -msgs 20"),
	},
	{
		name: "django-pubsub", servers: slices.Concat(ours, handlers, django), layer: "pubsub",
		load: flags("-n 500 -msgs 1000"), django: flags("-msgs 40 -opening 16"), quick: flags("-n 20 -msgs 20"),
	},
}

// row is a row of a table: one figure of one scenario.
type row struct {
	title    string
	scenario string
	figure   string
}

// table is one of the README's.
type table struct {
	title   string
	columns []string
	rows    []row
}

var tables = []table{
	{
		title:   "Beside libraries in Go",
		columns: all,
		rows: []row{
			{"fan-out to 1,000, 32 messages under way: CPU µs a delivery", "fanout", "cpu_s_per_M"},
			{"allocations a delivery", "fanout", "mallocs_per_msg"},
			{"fan-out to 5,000: CPU µs a delivery", "fanout-5000", "cpu_s_per_M"},
			{"fan-out to 1,000, one at a time: CPU µs a delivery", "window-1", "cpu_s_per_M"},
			{"fan-out to 1,000, 20 a second: CPU µs a delivery", "rate", "cpu_s_per_M"},
			{"p99 ms until received", "rate", "p99_ms"},
			{"a burst of 600 to 1,000: % lost", "burst", "lost_percent"},
			{"compressed, 1 KiB to 1,000: CPU µs a delivery", "deflate", "cpu_s_per_M"},
			{"TLS, to 1,000: CPU µs a delivery", "tls", "cpu_s_per_M"},
			{"binary, to 1,000: CPU µs a delivery", "binary", "cpu_s_per_M"},
			{"1,000 groups of 10: CPU µs a delivery", "groups", "cpu_s_per_M"},
			{"each of 1,000 in 50 groups: CPU µs a delivery", "groups-50", "cpu_s_per_M"},
			{"1 % of 200 never read, 4 KiB: p99 ms of the others", "stalled", "p99_ms"},
			{"% of the others' messages lost", "stalled", "lost_percent"},
			{"echo and 20 broadcasts a second, 500: CPU µs a message", "mixed", "cpu_s_per_M"},
			{"p99 ms of an echo", "mixed", "echo_p99_ms"},
			{"echo, 100: CPU µs a round trip", "echo", "cpu_s_per_M"},
			{"binary echo, 100: CPU µs a round trip", "echo-binary", "cpu_s_per_M"},
			{"connect, handshake, close: CPU µs", "connect", "cpu_us_per_conn"},
			{"idle in a group, of 5,000: KiB each", "idle", "rss_gc_KiB_per_conn"},
			{"with a browser's 15 headers: KiB each", "idle-browser", "rss_gc_KiB_per_conn"},
			{"after ten messages of 4 KiB both ways: KiB each", "idle-carried", "rss_gc_KiB_per_conn"},
		},
	},
	{
		title:   "What a handler costs",
		columns: slices.Concat(ours, handlers),
		rows: []row{
			{"fan-out to 1,000: CPU µs a delivery", "fanout", "cpu_s_per_M"},
			{"allocations a delivery", "fanout", "mallocs_per_msg"},
			{"a burst of 600 to 1,000: % lost", "burst", "lost_percent"},
			{"echo, 100: CPU µs a round trip", "echo", "cpu_s_per_M"},
		},
	},
	{
		title:   "Beside Django Channels",
		columns: slices.Concat(ours, []string{"channels-message"}, django),
		rows: []row{
			{"fan-out to 500 in memory: CPU µs a delivery", "django-memory", "cpu_s_per_M"},
			{"over Redis, core: CPU µs a delivery", "django-core", "cpu_s_per_M"},
			{"over Redis, pub/sub: CPU µs a delivery", "django-pubsub", "cpu_s_per_M"},
			{"echo, 100: CPU µs a round trip", "echo", "cpu_s_per_M"},
			{"connect, handshake, close: CPU µs", "connect", "cpu_us_per_conn"},
			{"idle in a group, of 5,000: KiB each", "idle", "rss_gc_KiB_per_conn"},
		},
	},
}
