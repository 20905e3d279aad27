package redislayer_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

// A server that hangs holds nobody up for longer than CallTimeout or the caller's context, however many have asked it before
// and given up.
func TestCoreCallsEndInTime(t *testing.T) {
	t.Parallel()
	const limit, most = 300 * time.Millisecond, 3 * time.Second
	s := redistest.Start(t)
	o := coreOptions(s)
	o.CallTimeout = limit
	l := coreReady(t, o)
	box := newChannel(t, l)
	s.Pause()
	defer s.Resume()
	var mu sync.Mutex
	unknown := 0
	for range 4 {
		var work sync.WaitGroup
		for i := range 200 { // twice as many as that would fill the client's queue
			work.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), limit/time.Duration(1+i%3))
				defer cancel()
				begun := time.Now()
				err := l.Send(ctx, box.Channel(), message(1))
				if took := time.Since(begun); took > most {
					t.Errorf("Send took %v, where it had %v", took, limit)
				}
				mu.Lock()
				defer mu.Unlock()
				switch {
				case errors.Is(err, layer.ErrOutcomeUnknown):
					unknown++
				case !errors.Is(err, layer.ErrUnavailable):
					t.Errorf("Send: %v", err)
				}
			})
		}
		work.Wait()
	}
	if unknown == 0 || unknown > 300 {
		t.Errorf("%d of 800 calls may have had an effect, want as many as were sent", unknown)
	}
	s.Resume()
	until(t, soon, "calls succeed again", func() bool { return l.Send(t.Context(), box.Channel(), message(2)) == nil })
}
