package consumertest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/gochannels/channels/consumer"
)

// RunWorker runs w until stop is called or the test ends, whichever is first,
// and then waits until it has ended. The test fails if it doesn't end within 6
// seconds, or ends with an error that is not the context's.
func RunWorker(t testing.TB, w *consumer.Worker) (stop func()) {
	t.Helper()
	if w == nil {
		t.Fatalf("RunWorker: nil worker")
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }() // stop waits for it
	var once sync.Once
	stop = func() {
		t.Helper()
		once.Do(func() {
			t.Helper()
			cancel()
			late := time.NewTimer(defaultTimeout)
			defer late.Stop()
			select {
			case err := <-ended:
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Errorf("worker: %v", err)
				}
			case <-late.C:
				t.Errorf("worker: has not ended within %v of being stopped", defaultTimeout)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}
