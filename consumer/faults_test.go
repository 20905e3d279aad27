package consumer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/testing/consumertest"
)

// wrapping is an error as many are.
type wrapping struct{ err error }

func (w *wrapping) Error() string { return w.err.Error() }
func (w *wrapping) Unwrap() error { return w.err }

// A nil pointer that is returned as an error is a fault of the consumer, which
// costs its own connection and is logged with the type.
func TestNilPointersAsErrors(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"*consumer.CloseError":    (*consumer.CloseError)(nil),
		"*consumer.DenyError":     (*consumer.DenyError)(nil),
		"*consumer_test.wrapping": (*wrapping)(nil),
		"*fmt.wrapError":          fmt.Errorf("wrapped: %w", (*consumer.CloseError)(nil)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out log
			h := &hooks{receive: func(context.Context, *hooks, consumer.Message) error { return err }}
			app := h.handler(t, consumer.Options{Logger: out.logger()})
			c := consumertest.NewWebsocketCommunicator(t, app, "/")
			c.Connect()
			c.SendText("{}")
			c.ExpectClose(1011)
			c.Disconnect()
			h.connect = func(context.Context, *hooks) error { return err }
			consumertest.NewWebsocketCommunicator(t, h.handler(t, consumer.Options{}), "/").ExpectRefused(500)
			h.connect = nil
			app = h.handler(t, consumer.Options{OnError: func(context.Context, *consumer.EventError) error { return err }})
			h.receive = func(context.Context, *hooks, consumer.Message) error { return errors.New("sound") }
			c = consumertest.NewWebsocketCommunicator(t, app, "/")
			c.Connect()
			c.SendText("{}")
			c.ExpectClose(1011)
			if !strings.Contains(out.String(), name+" that was returned as an error") {
				t.Errorf("the log does not name the type:\n%s", out.String())
			}
		})
	}
}

// What Disconnect can't do is told, though the connection has ended, and what it
// can't send to a client that has left is not.
func TestErrorsOfDisconnect(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  error
		want int64
	}{
		"context.Canceled":  {context.Canceled, 1},
		"layer.ErrClosed":   {layer.ErrClosed, 1},
		"ErrUnknownChannel": {layer.ErrUnknownChannel, 1},
		"CloseError":        {&consumer.CloseError{Code: 1000}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := (&hooks{disconnect: func(context.Context, *hooks, consumer.StatusCode) error { return test.err }}).handler(t, consumer.Options{})
			c := consumertest.NewWebsocketCommunicator(t, app, "/")
			c.Connect()
			c.Disconnect()
			if got := app.Stats().Errors["handler"]; got != test.want {
				t.Errorf("%d errors counted, want %d", got, test.want)
			}
		})
	}
}

// An OnError that ends its goroutine, as t.Fatal does, ends the connection.
func TestOnErrorThatCallsGoexit(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	app := (&hooks{event: func(context.Context, *hooks, layer.Envelope) error { return errors.New("a fault") }}).handler(t, consumer.Options{
		Layer: l, Groups: []string{"g"}, OnError: func(context.Context, *consumer.EventError) error { runtime.Goexit(); return nil },
	})
	c := consumertest.NewWebsocketCommunicator(t, app, "/")
	c.Connect()
	groupSend(t, l, "g", event(1))
	c.ExpectClose(1011)
}

// A handler that ends its goroutine leaves no message uncounted, those neither
// that were read while it ran.
func TestGoexitCountsWhatWasReadAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var first atomic.Bool
		app := (&hooks{receive: func(context.Context, *hooks, consumer.Message) error {
			if first.CompareAndSwap(false, true) {
				time.Sleep(5 * time.Second) // in the bubble
				runtime.Goexit()
			}
			return nil
		}}).handler(t, consumer.Options{})
		c := consumertest.NewWebsocketCommunicator(t, app, "/", &consumertest.Options{Timeout: time.Minute})
		c.Connect()
		for range 10 {
			c.SendText("{}")
		}
		c.ExpectClose(1011)
		c.Disconnect()
		if s := app.Stats(); s.Received+s.Dropped["closed"] != 10 {
			t.Errorf("%d of 10 messages received, dropped %v", s.Received, s.Dropped)
		}
	})
}

// The runners are watched while somebody waits for one, and not while those
// that run are blocked.
func TestRunnersAreWatchedWhileSomebodyWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := new(layer.Memory)
		free := make(chan struct{})
		app := (&hooks{event: func(context.Context, *hooks, layer.Envelope) error { <-free; return nil }}).handler(t,
			consumer.Options{Layer: l, Groups: []string{"g"}})
		for range 4 * runtime.GOMAXPROCS(0) {
			consumertest.NewWebsocketCommunicator(t, app, "/").Connect()
		}
		groupSend(t, l, "g", event(1))
		if !consumer.Watched(app) {
			t.Error("nobody sees to those who wait")
		}
		time.Sleep(100 * time.Millisecond) // in the bubble
		if consumer.Waiting(app) != 4*runtime.GOMAXPROCS(0) {
			t.Errorf("%d handlers run", consumer.Waiting(app))
		}
		if consumer.Watched(app) {
			t.Error("nobody waits, and the runners are watched")
		}
		close(free)
	})
}

// A handler never runs with the profiler's labels of another connection.
func TestLabelsOfOthers(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	profiles := make(chan string, 2)
	h := (&hooks{
		receive: func(ctx context.Context, c *hooks, _ consumer.Message) error {
			return l.GroupSend(ctx, "g", event(1))
		},
		event: func(context.Context, *hooks, layer.Envelope) error {
			var profile strings.Builder
			pprof.Lookup("goroutine").WriteTo(&profile, 1)
			profiles <- profile.String()
			return nil
		},
	}).handler(t, consumer.Options{Layer: l, Groups: []string{"g"}})
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pprof.Do(r.Context(), pprof.Labels("guest", r.URL.Query().Get("user")), func(ctx context.Context) {
			h.ServeHTTP(w, r.WithContext(ctx))
		})
	})
	var clients []*consumertest.WebsocketCommunicator
	for _, user := range []string{"ann", "bob"} {
		c := consumertest.NewWebsocketCommunicator(t, app, "/?user="+user)
		c.Connect()
		clients = append(clients, c)
	}
	clients[0].SendText("{}")
	for range clients {
		for block := range strings.SplitSeq(<-profiles, "\n\n") {
			if strings.Contains(block, "TestEvent") && strings.Contains(block, "guest") {
				t.Errorf("a handler runs with a guest's labels:\n%s", block)
			}
		}
	}
}

// What a client would have to refuse is an error here.
func TestSendJSONOfWhatIsNotUTF8(t *testing.T) {
	t.Parallel()
	errs := make(chan error, 1)
	app := (&hooks{receive: func(ctx context.Context, c *hooks, _ consumer.Message) error {
		errs <- c.SendJSON(ctx, json.RawMessage("\"\xff\""))
		return c.SendJSON(ctx, json.RawMessage("\"\u00ff\""))
	}}).handler(t, consumer.Options{})
	c := consumertest.NewWebsocketCommunicator(t, app, "/")
	c.Connect()
	c.SendText("{}")
	if err := <-errs; err == nil || !strings.Contains(err.Error(), "UTF-8") {
		t.Errorf("SendJSON: %v", err)
	}
	c.ExpectJSON("\u00ff")
}
