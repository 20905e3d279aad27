package redislayer

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// coreClock is about a server's clock, by which everything on it is scored, so that the hosts of Go processes need not
// agree.
type coreClock struct {
	offset atomic.Int64 // of the server's clock to that of this process, in microseconds
	last   atomic.Int64
	fixed  atomic.Pointer[func() int64] // for tests
}

var clockStart = time.Now()

// set takes the answer to TIME.
func (c *coreClock) set(r rueidis.RedisResult) error {
	t, err := r.AsIntSlice()
	if err != nil {
		return err
	}
	if len(t) != 2 {
		return fmt.Errorf("redislayer: TIME answered %d values", len(t))
	}
	c.offset.Store(t[0]*1e6 + t[1] - time.Since(clockStart).Microseconds())
	return nil
}

// now returns the time in microseconds.
func (c *coreClock) now() int64 {
	if fixed := c.fixed.Load(); fixed != nil {
		return (*fixed)()
	}
	return c.offset.Load() + time.Since(clockStart).Microseconds()
}

// when returns the time of this process at a time of the server's, or up to a second before: as far as its answer had been
// under way, the clock is behind.
func (c *coreClock) when(t int64) time.Time {
	return clockStart.Add(time.Duration(t-c.offset.Load())*time.Microsecond - time.Second)
}

// fix makes the clock show what f returns.
func (c *coreClock) fix(f func() int64) { c.fixed.Store(&f) }

// given returns the score that a test wants, "" for the server's own.
func (c *coreClock) given() string {
	if fixed := c.fixed.Load(); fixed != nil {
		return score((*fixed)())
	}
	return ""
}

// next returns a time that none was given out of before.
func (c *coreClock) next() int64 {
	if fixed := c.fixed.Load(); fixed != nil {
		return (*fixed)()
	}
	for {
		last := c.last.Load()
		next := max(c.now(), last+1)
		if c.last.CompareAndSwap(last, next) {
			return next
		}
	}
}

// score writes microseconds as a score, as Python writes its seconds.
func score(t int64) string { return strconv.FormatFloat(float64(t)/1e6, 'f', -1, 64) }
