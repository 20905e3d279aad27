package consumer

import (
	"context"
	"runtime/pprof"
	"time"
)

// connectors are the goroutines that run Connects, one at a time each and as
// many as there are Connects. One that is done waits a moment for the next, while
// there are connections: a new goroutine would have to grow its stack first,
// which is a tenth of what a handshake costs.
type connectors struct {
	clock *clock
	next  chan connecting // has no room: a send succeeds if somebody waits
}

type connecting struct {
	s  *session
	hs *handshake
}

// lingerFor is how long a connector waits.
const lingerFor = 100 * time.Millisecond

func (c *connectors) init(clock *clock) {
	c.clock, c.next = clock, make(chan connecting)
}

func (c *connectors) run(s *session, hs *handshake) {
	select {
	case c.next <- connecting{s, hs}:
	default:
		go c.work(connecting{s, hs})
	}
}

func (c *connectors) work(job connecting) {
	job.s.runConnect(job.hs)
	timer := time.NewTimer(lingerFor)
	defer timer.Stop()
	for {
		pprof.SetGoroutineLabels(context.Background()) // those of the request are not the next one's
		stopped := c.clock.running()
		if stopped == nil {
			return
		}
		select {
		case job = <-c.next:
			pprof.SetGoroutineLabels(job.hs.r.Context())
			job.s.runConnect(job.hs)
			timer.Reset(lingerFor)
		case <-stopped:
			return
		case <-timer.C:
			return
		}
	}
}
