package outage_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gochannels/channels/layer/redislayer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

// clients is how many there are in each test, and one says something each second.
const clients = 12

// fault is something that happens to a Redis server or to the way there.
type fault struct {
	name string
	only string // the layer that it concerns; empty: both
	// start starts what there is to break; nil: a server and a proxy before it.
	start func(*testing.T, *place) redislayer.Options
	// strike breaks it, and has mended it when it returns.
	strike func(*testing.T, *place)
	gaps   int           // of each client
	bound  time.Duration // from the mending to everybody hearing again
	// refuses says that handshakes are refused meanwhile.
	refuses bool
}

// place is where it happens.
type place struct {
	server *redistest.Server
	proxy  *redistest.Proxy
	nodes  []*redistest.Server // of a cluster
}

// rest waits.
func rest(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
		t.Fatal("the test has ended")
	}
}

// TestOutages puts a site through faults while every client has a message sent each second. No connection is closed, no
// call waits beyond its time, handshakes are let in or refused with 503, nothing is lost outside of the outage or arrives
// twice, and each consumer learns of an outage that may have cost messages by one gap.
func TestOutages(t *testing.T) {
	var work sync.WaitGroup // all at the same time: they mostly wait
	defer work.Wait()
	for kind := range kinds {
		for _, f := range faults {
			if f.only == "" || f.only == kind {
				work.Go(func() { t.Run(f.name+"/"+kind, func(t *testing.T) { f.run(t, kind) }) })
			}
		}
	}
}

func (f *fault) run(t *testing.T, kind string) {
	var p place
	start := f.start
	if start == nil {
		start = direct
	}
	s := newSite(t, kind, start(t, &p))
	all := s.connect(t, clients, true)
	heard := func(id string) bool {
		return !slices.ContainsFunc(all, func(c *client) bool { return !c.has(id) })
	}
	for _, c := range all {
		until(t, "everybody hears everybody", func() bool { return heard(c.name + "-0") })
	}

	began := time.Now()
	refused := s.knock(t)
	f.strike(t, &p)
	mended := time.Now()
	for n := 0; ; n++ {
		id := fmt.Sprintf("after-%d", n)
		if err := all[0].say(context.Background(), id); err != nil {
			t.Fatalf("saying something after the outage: %v", err)
		}
		if rest(t, 100*time.Millisecond); heard(id) {
			break
		}
		if time.Since(mended) > patience {
			t.Fatalf("not everybody hears again within %v", patience)
		}
	}
	back := time.Now()
	if n := refused(); n == 0 && f.refuses {
		t.Error("no handshake was refused")
	}
	if took := back.Sub(mended); took > f.bound+slack {
		t.Errorf("everybody hears again %v after the mending, want %v", took, f.bound)
	}
	until(t, "all gaps", func() bool {
		return !slices.ContainsFunc(all, func(c *client) bool { return c.gapsSoFar() < f.gaps })
	})
	rest(t, 2*time.Second) // some more messages, and no more gaps
	taken := s.taken(t)
	last := taken[len(taken)-1]
	until(t, "the last message", func() bool { return heard(last.id) })
	for _, c := range all {
		c.check(t, taken, f.gaps, func(c call) bool {
			return f.gaps == 0 || c.at.Before(began.Add(-time.Second)) || c.at.After(back) && !c.at.After(last.at)
		})
	}
}
