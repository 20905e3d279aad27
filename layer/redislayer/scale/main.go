package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"time"
)

// settings are what the flags say, and what only the test of this program says otherwise.
type settings struct {
	scenario, layer string
	processes       int
	sockets         int // of each process
	senders, bursts int
	burst, toAll    int // messages, and those of them to the group of all
	pause           time.Duration
	capacity        int
	stormCapacity   int
	stormAtOnce     int     // messages under way in each sender
	ratio           float64 // of daphne's processor time to Go's, at least
	atOnce          int     // of cpu
	overhead        float64 // bytes a process, at most
	rate            int     // of churn, a second
	churn, clean    time.Duration
	stopped, outage time.Duration // of Redis
	patience        time.Duration // for what should not come
}

func defaults() *settings {
	return &settings{
		scenario: "all", layer: "both", processes: 4, sockets: 5000, senders: 4, bursts: 10, burst: 300, toAll: 10, pause: time.Second,
		capacity: djangoCapacity, stormCapacity: 2400, stormAtOnce: mostAtOnce, ratio: 30, atOnce: 40, overhead: 200, rate: 5000, churn: time.Minute, clean: 10 * time.Minute,
		stopped: 3 * time.Second, outage: 2 * time.Second, patience: 5 * time.Second,
	}
}

func (s *settings) flags() {
	flag.StringVar(&s.scenario, "scenario", s.scenario, "bytes, cpu, fanout, storm, churn, clean, or all")
	flag.StringVar(&s.layer, "layer", s.layer, "pubsub, core, or both")
	flag.IntVar(&s.processes, "processes", s.processes, "Go processes")
	flag.IntVar(&s.sockets, "sockets", s.sockets, "sockets of each process")
	flag.IntVar(&s.senders, "senders", s.senders, "Python processes that send")
	flag.IntVar(&s.bursts, "bursts", s.bursts, "bursts of each sender, of fanout")
	flag.IntVar(&s.burst, "burst", s.burst, "messages of a burst")
	flag.IntVar(&s.toAll, "to-all", s.toAll, "messages of such a burst that go to the group of all")
	flag.DurationVar(&s.pause, "pause", s.pause, "between such bursts")
	flag.IntVar(&s.capacity, "capacity", s.capacity, "of Channels' CONFIG, in Python and in Go")
	flag.IntVar(&s.stormCapacity, "storm-capacity", s.stormCapacity, "the same, of storm on Core")
	flag.IntVar(&s.stormAtOnce, "storm-at-once", s.stormAtOnce, "messages that a sender has under way at a time, of storm")
	flag.Float64Var(&s.ratio, "ratio", s.ratio, "how many times more than Go daphne computes, of cpu")
	flag.IntVar(&s.atOnce, "at-once", s.atOnce, "messages under way at a time, of cpu")
	flag.Float64Var(&s.overhead, "overhead", s.overhead, "bytes a process beside the message, of bytes")
	flag.IntVar(&s.rate, "rate", s.rate, "joins and leaves a second, of churn")
	flag.DurationVar(&s.churn, "churn", s.churn, "how long churn lasts")
	flag.DurationVar(&s.clean, "clean", s.clean, "how long clean's peace lasts")
	flag.Parse()
}

// djangoCapacity is how many messages Channels lets wait by default.
const djangoCapacity = 100

// scenario is one of them; those for Core alone have nothing to tell of PubSub.
type scenario struct {
	name     string
	run      func(context.Context, *settings, string) error
	coreOnly bool
}

var scenarios = []scenario{
	{"bytes", bytesOfSend, true},
	{"cpu", cpu, false},
	{"fanout", fanout, false},
	{"storm", storm, false},
	{"churn", churn, false},
	{"clean", clean, false},
}

func main() {
	if len(os.Args) > 2 && os.Args[1] == "serve" {
		exit(serve(os.Args[2:]))
	}
	if len(os.Args) > 2 && os.Args[1] == "clients" {
		exit(clients(os.Args[2:]))
	}
	s := defaults()
	s.flags()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	fmt.Printf("%d cores, %s\n", runtime.NumCPU(), runtime.Version())
	err := runAll(ctx, s)
	stop()
	exit(err)
}

func runAll(ctx context.Context, s *settings) error {
	ran := false
	var failed []string
	for _, sc := range scenarios {
		if s.scenario != "all" && s.scenario != sc.name {
			continue
		}
		for _, kind := range []string{"pubsub", "core"} {
			if s.layer != "both" && s.layer != kind || sc.coreOnly && kind != "core" {
				continue
			}
			ran = true
			fmt.Printf("\n## %s, %s\n\n", sc.name, kind)
			if err := sc.run(ctx, s, kind); err != nil {
				fmt.Printf("- FAILED: %v\n", err)
				failed = append(failed, sc.name+" "+kind)
			}
		}
	}
	switch {
	case !ran:
		return fmt.Errorf("no scenario %q of the layer %q", s.scenario, s.layer)
	case failed != nil:
		slices.Sort(failed)
		return fmt.Errorf("failed: %s", strings.Join(failed, ", "))
	}
	return nil
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
