package outage_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gochannels/channels/layer/redislayer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

// control is a site that nothing happens to. How long its only client waits for its own messages says how busy the machine
// is, which is no fault of the sites beside it.
type control struct {
	mu      sync.Mutex
	samples []sample
}

// sample is a message that was said at a time, and heard after another. The last one may not have been heard yet.
type sample struct {
	at   time.Time
	took time.Duration
}

func newControl(t *testing.T) *control {
	t.Helper()
	c := new(control)
	s := newSite(t, "PubSub", redislayer.Options{Hosts: []any{redistest.Start(t).URL()}})
	client := s.connect(t, 1, false)[0]
	stop := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() { c.measure(client, stop) })
	t.Cleanup(func() {
		close(stop)
		work.Wait()
	})
	return c
}

func (c *control) measure(client *client, stop <-chan struct{}) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		id := fmt.Sprint("control-", n)
		c.mu.Lock()
		c.samples = append(c.samples, sample{at: time.Now()})
		c.mu.Unlock()
		if client.say(context.Background(), id) != nil {
			return
		}
		for heard := false; !heard; heard = client.has(id) {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
		c.mu.Lock()
		c.samples[n].took = time.Since(c.samples[n].at)
		c.mu.Unlock()
	}
}

// busy returns what the machine may add to something that takes a few exchanges with a server, and that went on since then.
func (c *control) busy(since time.Time) time.Duration {
	const exchanges = 4
	c.mu.Lock()
	defer c.mu.Unlock()
	var worst time.Duration
	for _, s := range c.samples {
		if s.took == 0 {
			s.took = time.Since(s.at)
		}
		if s.at.Add(s.took).After(since) {
			worst = max(worst, s.took)
		}
	}
	return slack + exchanges*worst
}
