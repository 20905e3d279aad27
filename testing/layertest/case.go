package layertest

import (
	"context"
	"crypto/rand"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gochannels/channels/layer"
)

// usual is the time limit of a case that never lets time pass; a failing case
// may use it up, a passing one is done in milliseconds.
const usual = 30 * time.Second

// Case is one promise and the check that a layer keeps it.
type Case struct {
	// Name is the subtest's.
	Name string
	// Promise is the sentence that a failure broke.
	Promise string
	// Limit is how long the case may take before it fails.
	Limit time.Duration
	// NoBytes says that the layer's format has no form for bytes, so that a message with bytes in it must be refused
	// with a *MessageError instead of delivered. It is false in what Cases returns.
	NoBytes bool

	run func(r *run)
}

// Run checks the promise on layers made by newLayer and returns when it is
// decided, at the latest a moment after Limit: a layer whose calls never return
// fails too, and its goroutine is left behind. It must be called from the
// goroutine that runs the test.
func (c Case) Run(tb testing.TB, newLayer func(t testing.TB, o Options) layer.ChannelLayer) {
	tb.Helper()
	c.attempt(tb, &run{newLayer: newLayer})
}

// attempt runs the case with what r has been given.
func (c Case) attempt(tb testing.TB, r *run) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), c.Limit)
	defer cancel()
	limit := time.NewTimer(c.Limit + time.Second)
	defer limit.Stop()

	a := &attempt{TB: tb}
	r.TB, r.ctx, r.tag, r.noBytes = a, ctx, strings.ToLower(rand.Text()[:8]), c.NoBytes
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.run(r)
	}()
	select {
	case <-done:
	case <-limit.C:
		a.Errorf("no end after %v: a call of the layer does not return", c.Limit)
	}
	failed, skipped := a.end()
	if failed {
		tb.Errorf("broken promise: %s", c.Promise)
	}
	if skipped {
		tb.SkipNow()
	}
}

// attempt is the testing.TB of a case. The case has a goroutine of its own, so
// that a layer that hangs can be given up; FailNow and SkipNow end that
// goroutine, and after end nothing reaches the test any more.
type attempt struct {
	testing.TB

	mu                     sync.Mutex
	failed, skipped, ended bool
}

func (a *attempt) end() (failed, skipped bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = true
	return a.failed, a.skipped
}

// report calls f unless the attempt has ended.
func (a *attempt) report(failure bool, f func()) {
	a.TB.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended {
		return
	}
	a.failed = a.failed || failure
	f()
}

func (a *attempt) Log(args ...any) {
	a.TB.Helper()
	a.report(false, func() { a.TB.Helper(); a.TB.Log(args...) })
}

func (a *attempt) Logf(format string, args ...any) {
	a.TB.Helper()
	a.report(false, func() { a.TB.Helper(); a.TB.Logf(format, args...) })
}

func (a *attempt) Error(args ...any) {
	a.TB.Helper()
	a.report(true, func() { a.TB.Helper(); a.TB.Error(args...) })
}

func (a *attempt) Errorf(format string, args ...any) {
	a.TB.Helper()
	a.report(true, func() { a.TB.Helper(); a.TB.Errorf(format, args...) })
}

func (a *attempt) Fail() { a.report(true, a.TB.Fail) }

func (a *attempt) Failed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.failed
}

func (a *attempt) Fatal(args ...any) {
	a.TB.Helper()
	a.Error(args...)
	runtime.Goexit()
}

func (a *attempt) Fatalf(format string, args ...any) {
	a.TB.Helper()
	a.Errorf(format, args...)
	runtime.Goexit()
}

func (a *attempt) FailNow() {
	a.Fail()
	runtime.Goexit()
}

func (a *attempt) Skip(args ...any) {
	a.TB.Helper()
	a.Log(args...)
	a.SkipNow()
}

func (a *attempt) Skipf(format string, args ...any) {
	a.TB.Helper()
	a.Logf(format, args...)
	a.SkipNow()
}

func (a *attempt) SkipNow() {
	a.mu.Lock()
	a.skipped = true
	a.mu.Unlock()
	runtime.Goexit()
}

func (a *attempt) Skipped() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.skipped
}
