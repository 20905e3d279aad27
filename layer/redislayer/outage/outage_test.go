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
	kind   string
	site   *site
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

// together is how many sites there are at a time, all of which mostly wait.
const together = 16

// TestOutages puts a site through faults while every client has a message sent each second. No connection is closed, no
// call waits beyond its time, handshakes are let in or refused with 503, nothing is lost outside of the outage or arrives
// twice, and each consumer learns of an outage that may have cost messages by one gap.
func TestOutages(t *testing.T) {
	var work sync.WaitGroup
	defer work.Wait()
	beside := newControl(t)
	free := make(chan struct{}, together)
	for _, f := range faults {
		for kind := range kinds {
			if f.only == "" || f.only == kind {
				free <- struct{}{}
				work.Go(func() {
					t.Run(f.name+"/"+kind, func(t *testing.T) { f.run(t, kind, beside) })
					<-free
				})
			}
		}
	}
}

func (f *fault) run(t *testing.T, kind string, beside *control) {
	p := place{kind: kind}
	start := f.start
	if start == nil {
		start = direct
	}
	s := newSite(t, kind, start(t, &p))
	p.site = s
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
	for said := []string{}; ; { // a busy machine takes longer for each than to the next
		id := fmt.Sprintf("after-%d", len(said))
		said = append(said, id)
		if err := all[0].say(context.Background(), id); err != nil {
			t.Fatalf("saying something after the outage: %v", err)
		}
		if rest(t, 100*time.Millisecond); slices.ContainsFunc(said, heard) {
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
	if took, busy := back.Sub(mended), beside.busy(mended); took > f.bound+busy {
		t.Errorf("everybody hears again %v after the mending, want %v; the machine may add %v", took, f.bound, busy)
	}
	until(t, "all gaps", func() bool {
		return !slices.ContainsFunc(all, func(c *client) bool { return c.gapsSoFar() < f.gaps })
	})
	rest(t, 2*time.Second) // some more messages, and no more gaps
	taken := s.taken(t, beside)
	under := beside.busy(began.Add(-10 * time.Second)) // what may have been under way when it began
	var due []string
	for _, c := range taken {
		if f.gaps == 0 || c.at.Before(began.Add(-under)) || c.at.After(back) {
			due = append(due, c.id)
		}
	}
	for _, c := range all {
		c.check(t, due, f.gaps)
	}
}
