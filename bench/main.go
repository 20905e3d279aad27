// Bench runs this library beside other WebSocket servers and prints what each
// costs. From the root of a clone:
//
//	go run ./bench                             everything, about an hour
//	go run ./bench -run 'echo|idle' -reps 1    some scenarios, once
//	go run ./bench -write                      everything, into the README
//	go run ./bench -out runs -reps 1           keeping each run as a line of JSON
//	go run ./bench -from runs                  showing them again
//
// It needs Linux. Django Channels runs too where python3 with venv is there,
// which gets it from PyPI, and over Redis where redis-server is.
//
// The servers of a scenario take turns, so that whatever else the machine does
// hurts all of them alike; a figure is the median of its runs. Compare figures of
// one scenario with each other, and look at the spread before you believe a
// difference. Everything stays on the loopback, whose kernel delivers to the
// receiver within the sender's write: that is part of what a server is charged.
//
// The figures:
//
//	cpu_s_per_M            seconds of the server's CPU for a million deliveries or round trips
//	Kmsg_per_s, Krt_per_s  thousand deliveries or round trips a second, the load on the same cores
//	p50_us, p99_us         from the message's making to its receipt; with a window mostly its queue
//	lost                   messages that did not come, connections that broke, handshakes not closed
//	wrong                  messages that came twice, out of order or in the wrong kind of frame
//	mallocs_per_msg        heap allocations of the server for each of them
//	rss_gc_KiB_per_conn    resident memory of a connection, unused memory given back
//	cpu_s_per_K            seconds of the server's CPU for a thousand connects, handshakes and closes
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	pattern := flag.String("run", "", "regular expression of the scenarios to run: "+strings.Join(names(), ", "))
	only := flag.String("servers", "", "regular expression of the servers to run")
	reps := flag.Int("reps", 3, "runs of each server")
	out := flag.String("out", "", "file to append each run to, as a line of JSON")
	from := flag.String("from", "", "file of such lines: run nothing, show them")
	write := flag.Bool("write", false, "write the tables and the picture into the README and beside this command")
	render := flag.Bool("render", false, "run nothing, write tables and picture of bench/figures.json again")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := bench(ctx, options{*pattern, *only, *reps, *out, *from, *write, *render}); err != nil {
		stop()
		log.Fatal(err)
	}
}

type options struct {
	scenarios string
	servers   string
	reps      int
	out       string
	from      string
	write     bool
	render    bool
}

func bench(ctx context.Context, o options) error {
	dir, err := moduleDir(ctx)
	if err != nil {
		return err
	}
	if o.render {
		r, err := readFigures(dir)
		if err != nil {
			return err
		}
		return r.write(dir)
	}
	var lines []line
	if o.from != "" {
		lines, err = readLines(o.from)
	} else {
		lines, err = runAll(ctx, dir, o)
	}
	if err != nil {
		return err
	}
	r := summarise(lines)
	if err := r.About.ask(ctx, dir); err != nil {
		return err
	}
	r.text(os.Stdout)
	fmt.Println()
	fmt.Print(r.markdown())
	if !o.write {
		return nil
	}
	return r.write(dir)
}

func names() (all []string) {
	for _, s := range plan {
		all = append(all, s.name)
	}
	return all
}

// runAll runs the scenarios that are asked for.
func runAll(ctx context.Context, dir string, o options) ([]line, error) {
	scenarioNames, err := regexp.Compile(o.scenarios)
	if err != nil {
		return nil, err
	}
	serverNames, err := regexp.Compile(o.servers)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(plan, func(s scenario) bool { return scenarioNames.MatchString(s.name) }) {
		return nil, fmt.Errorf("-run %q matches none of %s", o.scenarios, strings.Join(names(), ", "))
	}
	r, err := newRunner(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer r.close()
	if o.out != "" {
		f, err := os.OpenFile(o.out, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		r.out = f
	}
	for _, s := range plan {
		if scenarioNames.MatchString(s.name) {
			if err := r.scenario(ctx, s, serverNames, o.reps); err != nil {
				return nil, err
			}
		}
	}
	return r.lines, nil
}
