package consumer_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/testing/consumertest"
)

// A client that answers pings stays; all of it inside a bubble, with no
// goroutine left.
func TestKeepAlive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		app := (&hooks{}).handler(t, consumer.Options{})
		c := consumertest.NewWebsocketCommunicator(t, app, "/")
		c.Connect()
		time.Sleep(time.Hour) // in the bubble
		if n := app.Stats().Open; n != 1 {
			t.Fatal("a quiet client was cut off")
		}
		c.Disconnect()
	})
}

// A client that does not is cut off within the two times.
func TestPingTimeout(t *testing.T) {
	t.Parallel()
	codes := make(chan consumer.StatusCode, 1)
	h := &hooks{disconnect: func(_ context.Context, _ *hooks, code consumer.StatusCode) error { codes <- code; return nil }}
	app := h.handler(t, consumer.Options{PingInterval: 40 * time.Millisecond, PingTimeout: 40 * time.Millisecond})
	_, br := dial(t, serve(t, app))
	head := make([]byte, 2)
	if _, err := br.Read(head); err != nil || head[0] != 0x89 {
		t.Errorf("frame %x, %v; want a ping", head, err)
	}
	if code := <-codes; code != consumer.StatusAbnormalClosure {
		t.Errorf("Disconnect was told %d", code)
	}
	if n := app.Stats().Closed["ping_timeout"]; n != 1 {
		t.Errorf("%d counted", n)
	}
}

func TestMaxAge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		app := (&hooks{}).handler(t, consumer.Options{MaxAge: time.Hour})
		c := consumertest.NewWebsocketCommunicator(t, app, "/", &consumertest.Options{Timeout: 24 * time.Hour})
		start := time.Now()
		c.Connect()
		c.ExpectClose(consumer.StatusServiceRestart)
		if age := time.Since(start); age < 54*time.Minute || age > 67*time.Minute {
			t.Errorf("closed after %v", age)
		}
		c.Disconnect()
	})
}

func TestShutdown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := new(layer.Memory)
		var disconnects atomic.Int32
		h := &hooks{
			connect: func(ctx context.Context, c *hooks) error {
				return errors.Join(c.Accept(ctx), c.SendJSON(ctx, "queued"))
			},
			disconnect: func(ctx context.Context, c *hooks, code consumer.StatusCode) error {
				if code != consumer.StatusServiceRestart {
					t.Errorf("Disconnect was told %d", code)
				}
				disconnects.Add(1)
				return nil
			},
		}
		app := h.handler(t, consumer.Options{Layer: l, Groups: []string{"g"}, DrainDelay: 5 * time.Second, DrainWindow: 10 * time.Second})
		var all []*consumertest.WebsocketCommunicator
		for range 50 {
			c := consumertest.NewWebsocketCommunicator(t, app, "/", &consumertest.Options{Timeout: time.Minute})
			c.Connect()
			all = append(all, c)
		}
		if !app.Ready() {
			t.Error("not ready")
		}
		start := time.Now()
		var took time.Duration
		result := make(chan error, 1)
		go func() {
			err := consumer.Shutdown(context.Background(), app)
			took = time.Since(start)
			result <- err
		}()
		synctest.Wait()
		if app.Ready() {
			t.Error("still ready")
		}
		rec := httptest.NewRecorder()
		consumer.ReadyHandler(app).ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
		if rec.Code != http.StatusServiceUnavailable {
			t.Errorf("the ready handler answers %d", rec.Code)
		}
		early := consumertest.NewWebsocketCommunicator(t, app, "/") // before DrainDelay is over
		early.Connect()
		early.ExpectJSON("queued")
		time.Sleep(6 * time.Second) // in the bubble
		consumertest.NewWebsocketCommunicator(t, app, "/").ExpectRefused(503)
		var last time.Duration
		for _, c := range append(all, early) {
			if c != early {
				c.ExpectJSON("queued")
			}
			c.ExpectClose(consumer.StatusServiceRestart)
			last = time.Since(start)
		}
		if err := <-result; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if last < 12*time.Second || took > 16*time.Second {
			t.Errorf("the last close after %v, all done after %v", last, took)
		}
		if n := disconnects.Load(); n != 51 {
			t.Errorf("%d Disconnects", n)
		}
		if s := l.Stats(); s.Memberships != 0 || s.Channels != 0 {
			t.Errorf("%d memberships, %d channels", s.Memberships, s.Channels)
		}
	})
}

// Shutdown reports what is stuck when its time is over, and cuts the sockets.
func TestShutdownReportsStuckHandlers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		in := make(chan struct{})
		h := &hooks{receive: func(context.Context, *hooks, consumer.Message) error { close(in); <-release; return nil }}
		app := h.handler(t, consumer.Options{DrainWindow: time.Second})
		stuck := consumertest.NewWebsocketCommunicator(t, app, "/", &consumertest.Options{Timeout: time.Minute})
		stuck.Connect()
		fine := consumertest.NewWebsocketCommunicator(t, app, "/", &consumertest.Options{Timeout: time.Minute})
		fine.Connect()
		stuck.SendText("{}")
		<-in
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var e *consumer.StuckError
		if err := consumer.Shutdown(ctx, app); !errors.As(err, &e) || e.Stuck != 1 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		close(release)
		stuck.Disconnect()
		fine.Disconnect()
	})
}

// readyLater is a layer that has not connected yet.
type readyLater struct {
	layer.Memory
	ready atomic.Bool
}

func (l *readyLater) Ready() bool { return l.ready.Load() }

func TestReadyWaitsForTheLayer(t *testing.T) {
	t.Parallel()
	l := new(readyLater)
	app := (&hooks{}).handler(t, consumer.Options{Layer: l})
	if app.Ready() {
		t.Error("ready before the layer")
	}
	l.ready.Store(true)
	if !app.Ready() {
		t.Error("not ready")
	}
	rec := httptest.NewRecorder()
	consumer.ReadyHandler(app).ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
	if rec.Code != 200 || rec.Body.String() != "ok\n" {
		t.Errorf("%d %q", rec.Code, rec.Body)
	}
}

// Connects and disconnects leave heap, goroutines and registry where they were.
func TestChurnLeavesNothing(t *testing.T) {
	cycles := 100_000
	if testing.Short() || raceEnabled {
		cycles = 2_000 // test.sh runs the whole without the race detector
	}
	l := new(layer.Memory)
	h := &hooks{connect: func(ctx context.Context, c *hooks) error { return c.GroupAdd(ctx, "other") }}
	app := h.handler(t, consumer.Options{Layer: l, Groups: []string{"g"}})
	mem := func() uint64 {
		var m runtime.MemStats
		for range 3 {
			runtime.GC()
		}
		runtime.ReadMemStats(&m)
		return m.HeapInuse
	}
	const batch = 100 // a subtest each, whose end forgets its communicators
	run := func(n int) {
		for range n / batch {
			t.Run("", func(t *testing.T) {
				for range batch {
					c := consumertest.NewWebsocketCommunicator(t, app, "/")
					c.Connect()
					c.Disconnect()
				}
			})
		}
	}
	run(500)
	goroutines, heap := runtime.NumGoroutine(), mem()
	run(cycles)
	waitFor(t, "goroutines", func() bool { return runtime.NumGoroutine() <= goroutines })
	waitFor(t, "sessions", func() bool { return app.Stats().Open == 0 })
	if s := l.Stats(); s.Memberships != 0 || s.Groups != 0 || s.Channels != 0 {
		t.Errorf("%d memberships, %d groups, %d channels", s.Memberships, s.Groups, s.Channels)
	}
	if after := mem(); after > heap+4<<20 {
		t.Errorf("heap %d KiB, before %d KiB", after>>10, heap>>10)
	}
	if s := app.Stats(); s.Disconnected != int64(cycles)+500 {
		t.Errorf("%d Disconnects", s.Disconnected)
	}
}
