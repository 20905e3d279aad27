package consumertest_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// recorder is a testing.TB that notes failures instead of failing.
type recorder struct {
	testing.TB
	mu       sync.Mutex
	failures []string
	logs     []string
	cleanups []func()
}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) Logf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.logs = append(r.logs, fmt.Sprintf(format, args...))
}

func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

// run runs f as a test function would be run, and returns how it failed.
func (r *recorder) run(f func()) string {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
	r.mu.Lock()
	defer r.mu.Unlock()
	failed := strings.Join(r.failures, "\n")
	r.failures = nil
	return failed
}

// end runs the cleanups, and returns how they failed.
func (r *recorder) end() string {
	return r.run(func() {
		for i := len(r.cleanups) - 1; i >= 0; i-- {
			r.cleanups[i]()
		}
		r.cleanups = nil
	})
}

func wantFailure(t *testing.T, failed string, parts ...string) {
	t.Helper()
	if failed == "" {
		t.Errorf("no failure, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(failed, part) {
			t.Errorf("failed with\n%s\nwant %q in it", failed, part)
		}
	}
}

func wantNoFailure(t *testing.T, failed string) {
	t.Helper()
	if failed != "" {
		t.Errorf("failed with\n%s\nwant no failure", failed)
	}
}
