package redislayer_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer"
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

// A call that takes two steps has one time for both.
func TestCoreCallsOfTwoStepsEndInTime(t *testing.T) {
	t.Parallel()
	const limit, most = 2 * time.Second, 3500 * time.Millisecond
	for name, call := range map[string]func(ctx context.Context, l *redislayer.Core, channel string) error{
		"GroupDiscard": func(ctx context.Context, l *redislayer.Core, channel string) error {
			return l.GroupDiscard(ctx, "g", channel)
		},
		"GroupAdd behind the end of the last membership": func(ctx context.Context, l *redislayer.Core, channel string) error {
			return l.GroupAdd(ctx, "last", channel)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t)
			recorder := redistest.NewRecorder(t, s.Addr())
			o := coreOptions()
			o.Hosts, o.CallTimeout = []any{recorder.URL()}, limit
			l := coreReady(t, o)
			box, last := newChannel(t, l, "g"), newChannel(t, l, "last")
			recorder.Take()
			s.Pause()
			defer s.Resume()
			last.Close()
			until(t, soon, "the end of the membership is sent", func() bool {
				return slices.ContainsFunc(recorder.Take(), func(c []string) bool { return slices.Contains(c, o.Prefix+":group:last") })
			})
			begun := time.Now()
			err := call(t.Context(), l, box.Channel())
			if took := time.Since(begun); took > most || !errors.Is(err, layer.ErrOutcomeUnknown) && !errors.Is(err, layer.ErrUnavailable) {
				t.Errorf("%v after %v, want no answer within %v", err, took, limit)
			}
		})
	}
}

// A GroupAdd that no server is there for says so, and why.
func TestCoreGroupAddWithoutAServer(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	s.Kill()
	o := coreOptions(s)
	o.CallTimeout = 300 * time.Millisecond
	l := newCore(t, o)
	err := l.GroupAdd(t.Context(), "g", newChannel(t, l).Channel())
	if !errors.Is(err, layer.ErrUnavailable) || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("GroupAdd: %v, want ErrUnavailable, as the connection is refused", err)
	}
}

// Flush does not wait for others that join and leave without end.
func TestCoreFlushEndsInTime(t *testing.T) {
	t.Parallel()
	p := redistest.NewProxy(t, redistest.Start(t).Addr())
	o := coreOptions()
	o.Hosts = []any{p.URL()}
	l := coreReady(t, o)
	p.Delay(5 * time.Millisecond) // so that there always is somebody
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	for i := range 64 {
		box := newChannel(t, l)
		work.Go(func() {
			g := "g" + strconv.Itoa(i)
			for ctx.Err() == nil {
				_ = l.GroupAdd(ctx, g, box.Channel())
				_ = l.GroupDiscard(ctx, g, box.Channel())
			}
		})
	}
	call, end := context.WithTimeout(t.Context(), 2*soon)
	defer end()
	if err := l.Flush(call); err != nil {
		t.Errorf("Flush: %v", err)
	}
}

// A server that says nothing for eight thirds of ProbeInterval is given up, and one that does for a third of that is not.
func TestCoreProbeInterval(t *testing.T) {
	t.Parallel()
	for interval, silence := range map[time.Duration]time.Duration{
		100 * time.Millisecond: 8 * time.Second / 3,
		time.Second:            8 * time.Second / 3,
		6 * time.Second:        16 * time.Second,
	} {
		t.Run(interval.String(), func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t)
			o := coreOptions(s)
			o.ProbeInterval = interval
			l := coreReady(t, o)
			s.Pause()
			defer s.Resume()
			begun := time.Now()
			until(t, 2*soon, "the server is given up", func() bool { return metric(t, l, "servers_up") == 0 })
			if took := time.Since(begun); took < silence/3 || took > silence+2*time.Second {
				t.Errorf("given up after %v, want %v at most", took, silence)
			}
		})
	}
}
