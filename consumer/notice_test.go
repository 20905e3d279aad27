package consumer_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/testing/consumertest"
)

func (l *log) count(parts ...string) (lines int) {
	for line := range strings.Lines(l.String()) {
		all := true
		for _, part := range parts {
			all = all && strings.Contains(line, part)
		}
		if all {
			lines++
		}
	}
	return lines
}

// What a client or sender can cause as often as it likes is logged, so that
// nobody wonders where it went, and once a minute, so that nobody fills the log.
func TestNoticesOnceAMinute(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	refusing := &hooks{connect: func(context.Context, *hooks) error { return errors.New("db is down") }}
	slow := &hooks{connect: func(ctx context.Context, _ *hooks) error { <-ctx.Done(); return ctx.Err() }}
	refused := func(status int, opts ...*consumertest.Options) func(*testing.T, http.Handler) {
		return func(t *testing.T, app http.Handler) {
			consumertest.NewWebsocketCommunicator(t, app, "/ws?token=secret", opts...).ExpectRefused(status)
		}
	}
	for name, test := range map[string]struct {
		h    *hooks
		once func(t *testing.T, app http.Handler)
		want []string
	}{
		"an error of Connect": {refusing, refused(403), []string{"handshake refused", `error="db is down"`, "path=/ws"}},
		"ConnectTimeout": {
			slow, refused(503, &consumertest.Options{Timeout: time.Hour}),
			[]string{"handshake refused", "ConnectTimeout", "limit=5s"},
		},
		"a page that may not connect": {
			&hooks{}, refused(403, &consumertest.Options{Header: http.Header{"Origin": {"http://localhost:3000"}}}),
			[]string{"handshake refused", "http://localhost:3000", "Options.Origins"},
		},
		"a type that nobody handles": {&hooks{}, func(t *testing.T, app http.Handler) {
			c := consumertest.NewWebsocketCommunicator(t, app, "/ws?token=secret")
			c.Connect()
			groupSend(t, l, "g", consumer.Message{"type": "chat.mesage"})
			c.ExpectNothing()
			c.Disconnect()
		}, []string{"message dropped", "chat.mesage", "from_client=false"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var out log
				o := consumer.Options{Logger: out.logger()}
				if strings.Contains(name, "type") {
					l = new(layer.Memory)
					o.Layer, o.Groups = l, []string{"g"}
				}
				app := test.h.handler(t, o)
				for range 3 {
					test.once(t, app)
				}
				if n := out.count(append(test.want, "level=WARN")...); n != 1 {
					t.Errorf("%d warnings of %q:\n%s", n, test.want, out.String())
				}
				if n := out.count(test.want...); n != 3 {
					t.Errorf("%d records for who looks closely, want 3", n)
				}
				time.Sleep(time.Minute) // in the bubble
				test.once(t, app)
				if n := out.count(append(test.want, "level=WARN")...); n != 2 {
					t.Errorf("%d warnings after a minute, want 2", n)
				}
				if strings.Contains(out.String(), "secret") {
					t.Errorf("the query is logged:\n%s", out.String())
				}
			})
		})
	}
}

// A DenyError is an answer, and for who looks closely.
func TestDenyErrorIsNoWarning(t *testing.T) {
	t.Parallel()
	var out log
	app := (&hooks{connect: func(context.Context, *hooks) error { return &consumer.DenyError{Status: 401} }}).handler(t, consumer.Options{Logger: out.logger()})
	consumertest.NewWebsocketCommunicator(t, app, "/").ExpectRefused(401)
	if out.count("level=DEBUG", "status 401") != 1 || out.count("") != 1 {
		t.Errorf("logged:\n%s", out.String())
	}
}

// A handler that keeps a connection's messages waiting is told of while it does,
// once, and one for which nobody waits is not.
func TestOverdueHandlers(t *testing.T) {
	t.Parallel()
	type scene struct {
		*testing.T
		c *consumertest.WebsocketCommunicator
		l layer.ChannelLayer
	}
	for name, test := range map[string]struct {
		act   func(s scene)
		event string
		want  int64
	}{
		"a client's message, and others behind it": {func(s scene) { s.c.SendText("{}"); s.c.SendText("{}") }, "event=receive.json", 1},
		"a client's message, and the layer's": {func(s scene) {
			s.c.SendText("{}")
			synctest.Wait()
			groupSend(s.T, s.l, "g", event(1))
		}, "event=receive.json", 1},
		"the layer's message, and others": {func(s scene) { groupSend(s.T, s.l, "g", event(1)); groupSend(s.T, s.l, "g", event(2)) }, "event=test.event", 1},
		"the layer's message, and a client's": {func(s scene) {
			groupSend(s.T, s.l, "g", event(1))
			synctest.Wait()
			s.c.SendText("{}")
		}, "event=test.event", 1},
		"a client's message alone":   {func(s scene) { s.c.SendText("{}") }, "", 0},
		"the layer's message alone":  {func(s scene) { groupSend(s.T, s.l, "g", event(1)) }, "", 0},
		"nothing after a long while": {func(s scene) {}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var out log
				l := new(layer.Memory)
				n := 0
				first := func() error {
					if n++; n == 1 {
						time.Sleep(30 * time.Second) // in the bubble
					}
					return nil
				}
				app := (&hooks{
					receive: func(context.Context, *hooks, consumer.Message) error { return first() },
					event:   func(context.Context, *hooks, layer.Envelope) error { return first() },
				}).handler(t, consumer.Options{Layer: l, Groups: []string{"g"}, Logger: out.logger()})
				c := consumertest.NewWebsocketCommunicator(t, app, "/", &consumertest.Options{Timeout: time.Hour})
				c.Connect()
				test.act(scene{t, c, l})
				time.Sleep(9 * time.Second) // in the bubble
				if app.Stats().Overdue != 0 {
					t.Error("told before HandlerTimeout")
				}
				time.Sleep(time.Minute) // in the bubble
				if got := app.Stats().Overdue; got != test.want {
					t.Errorf("%d overdue, want %d", got, test.want)
				}
				if got := out.count("level=WARN", "messages wait", test.event); int64(got) != test.want {
					t.Errorf("%d warnings:\n%s", got, out.String())
				}
				c.Disconnect()
			})
		})
	}
}

// A consumer that ignores a message says so to who looks closely.
func TestIgnoredMessagesAreForDebug(t *testing.T) {
	t.Parallel()
	var out log
	app := (&hooks{}).handler(t, consumer.Options{Logger: out.logger()})
	c := consumertest.NewWebsocketCommunicator(t, app, "/")
	c.Connect()
	c.SendText(`{"type":"chat.message"}`)
	c.Disconnect()
	if out.count("level=DEBUG", "message ignored") != 1 {
		t.Errorf("logged:\n%s", out.String())
	}
}

// A layer that is no layer is noticed before there are clients.
func TestNilLayer(t *testing.T) {
	t.Parallel()
	_, err := consumer.NewHandler(func() *hooks { return new(hooks) }, &consumer.Options{Layer: (*layer.Memory)(nil)})
	if err == nil || !strings.Contains(err.Error(), "nil *layer.Memory") {
		t.Errorf("NewHandler: %v", err)
	}
}

// A worker's metrics are those that can move.
func TestWorkerMetrics(t *testing.T) {
	t.Parallel()
	w := consumer.MustWorker("jobs", func() *hooks { return new(hooks) }, &consumer.WorkerOptions{Layer: new(layer.Memory)})
	for _, m := range w.Metrics() {
		switch m.Name {
		case "channels_worker_handled_total", "channels_worker_dropped_total", "channels_worker_errors_total":
		default:
			t.Errorf("%s counts nothing of a worker", m.Name)
		}
	}
}
