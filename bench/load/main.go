// Load measures one WebSocket server: it starts the server, runs one scenario
// against it, and prints one JSON object.
//
//	load [flags] SERVER -addr {addr}    starts the command; {addr} and {port} stand for a free port
//	load -pid PID -addr ADDR [flags]    measures a server that runs already
//
// The server needs /ws, POST /broadcast and GET /stats as in package site; what
// /stats does not have is 0. Only loopback addresses are accepted. It needs Linux.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"
)

// options are the flags.
type options struct {
	scenario string
	name     string
	pid      int
	addr     string
	proto    string
	deflate  bool
	tls      bool
	binary   bool
	headers  int
	n        int
	msgs     int
	size     int
	window   int
	rate     int
	groups   int
	in       int
	stalled  int
	carry    int
	time     time.Duration
	workers  int
	opening  int
	patience time.Duration
}

func (o *options) flags(f *flag.FlagSet) {
	f.StringVar(&o.scenario, "scenario", "fanout", "fanout, echo, mixed, idle or connect")
	f.StringVar(&o.name, "name", "", "name of the server in the result")
	f.IntVar(&o.pid, "pid", 0, "process of a server that runs already")
	f.StringVar(&o.addr, "addr", "", "the server's address; empty: a free port")
	f.StringVar(&o.proto, "proto", "ws", "ws or centrifuge")
	f.BoolVar(&o.deflate, "deflate", false, "offer permessage-deflate without context takeover, and insist on it")
	f.BoolVar(&o.tls, "tls", false, "speak TLS")
	f.BoolVar(&o.binary, "binary", false, "send and expect binary frames")
	f.IntVar(&o.headers, "headers", 4, "headers of the handshake: 4, or 15 as a browser's")
	f.IntVar(&o.n, "n", 1000, "connections")
	f.IntVar(&o.msgs, "msgs", 1000, "fanout: messages to broadcast")
	f.IntVar(&o.size, "size", 128, "bytes of a message")
	f.IntVar(&o.window, "window", 32, "fanout: most messages under way; 0: all in one request")
	f.IntVar(&o.rate, "rate", 0, "fanout: messages a second instead of -window; mixed: messages a second")
	f.IntVar(&o.groups, "groups", 0, "groups that messages go to in turn; 0: one that all are in")
	f.IntVar(&o.in, "in", 1, "groups that a connection is in, with -groups")
	f.IntVar(&o.stalled, "stalled", 0, "fanout: percent of the connections that never read")
	f.IntVar(&o.carry, "carry", 0, "idle: messages of 4 KiB that each connection sends and gets back before it rests")
	f.DurationVar(&o.time, "t", 3*time.Second, "echo, mixed, connect: how long; idle: how long to wait")
	f.IntVar(&o.workers, "workers", 32, "connect: connections under way")
	f.IntVar(&o.opening, "opening", 256, "connections that open at a time")
	f.DurationVar(&o.patience, "patience", 3*time.Second, "silence after which what is missing is lost")
}

// result is what is printed; the figures are told of in the package comment of
// the command bench.
type result map[string]any

var scenarios = map[string]func(*client, *target) (result, error){
	"fanout": fanout, "echo": echo, "mixed": mixed, "idle": idle, "connect": connect,
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("load: ")
	var o options
	o.flags(flag.CommandLine)
	flag.Parse()
	debug.SetGCPercent(400)
	// The server inherits the limit.
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		limit.Cur = limit.Max
		_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	}
	if err := run(o, flag.Args()); err != nil {
		log.Fatal(err)
	}
}

func run(o options, command []string) error {
	s, err := newTarget(context.Background(), &o, command)
	if err != nil {
		return err
	}
	defer s.stop()
	r, err := measure(o, s)
	if err != nil {
		return fmt.Errorf("%s: %s: %w", o.name, o.scenario, err)
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

func measure(o options, s *target) (result, error) {
	scenario, ok := scenarios[o.scenario]
	if !ok {
		return nil, fmt.Errorf("there is no scenario %q", o.scenario)
	}
	c, err := newClient(o)
	if err != nil {
		return nil, err
	}
	defer c.closeAll()
	r, err := scenario(c, s)
	if err != nil {
		return nil, err
	}
	r["server"], r["scenario"] = o.name, o.scenario
	return r, nil
}
