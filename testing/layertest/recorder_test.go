package layertest_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/testing/layertest"
)

type factory = func(t testing.TB, o layertest.Options) layer.ChannelLayer

// recorder is a testing.TB whose failures are noted instead of failing a test.
type recorder struct {
	testing.TB
	ctx context.Context

	mu              sync.Mutex
	failed, skipped bool
	log             []string
	cleanups        []func()
}

// judge runs a case in a bubble, in a goroutine that FailNow may end; judgeIn does so with anything.
func judge(t *testing.T, c layertest.Case, newLayer factory) *recorder {
	t.Helper()
	return judgeIn(t, func(r *recorder) { c.Run(r, newLayer) })
}

func judgeIn(t *testing.T, run func(r *recorder)) *recorder {
	t.Helper()
	r := new(recorder)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		r.TB, r.ctx = t, ctx
		done := make(chan struct{})
		go func() {
			defer close(done)
			run(r)
		}()
		<-done
		cancel()
		for len(r.cleanups) > 0 {
			last := len(r.cleanups) - 1
			f := r.cleanups[last]
			r.cleanups = r.cleanups[:last]
			f()
		}
	})
	return r
}

func (r *recorder) Helper()                  {}
func (r *recorder) Context() context.Context { return r.ctx }

func (r *recorder) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

func (r *recorder) Fail() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = true
}

func (r *recorder) FailNow() {
	r.Fail()
	runtime.Goexit()
}

func (r *recorder) SkipNow() {
	r.mu.Lock()
	r.skipped = true
	r.mu.Unlock()
	runtime.Goexit()
}

func (r *recorder) Log(args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = append(r.log, fmt.Sprintln(args...))
}

func (r *recorder) Logf(format string, args ...any) { r.Log(fmt.Sprintf(format, args...)) }

func (r *recorder) Error(args ...any) {
	r.Log(args...)
	r.Fail()
}

func (r *recorder) Errorf(format string, args ...any) {
	r.Logf(format, args...)
	r.Fail()
}

func (r *recorder) Fatal(args ...any) {
	r.Log(args...)
	r.FailNow()
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Logf(format, args...)
	r.FailNow()
}
