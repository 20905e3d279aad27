package redislayer

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/redis/rueidis"
)

// backoff says how long to wait before the next attempt to connect. The waits grow by half from 100 ms to 5 s, and each is
// shortened by a random part of up to a half, so that processes that lost one server do not come back at one moment. The
// zero value is ready to use.
type backoff struct {
	most time.Duration // instead of 5 s
	wait time.Duration // the longest that the last one could be
}

const (
	shortestWait = 50 * time.Millisecond
	longestWait  = 5 * time.Second
)

// retries returns the waits for a server.
func retries(o rueidis.ClientOption) backoff {
	if o.Sentinel.MasterSet != "" {
		return backoff{most: 5 * shortestWait} // it will soon name another master
	}
	return backoff{}
}

// next returns the wait before the next attempt; reset is to be called once one has succeeded.
func (b *backoff) next() time.Duration {
	most := longestWait
	if b.most > 0 {
		most = b.most
	}
	b.wait = min(max(2*shortestWait, b.wait*3/2), most)
	return b.wait - rand.N(b.wait/2)
}

func (b *backoff) reset() { b.wait = 0 }

// pause waits, and reports whether ctx has not ended.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
