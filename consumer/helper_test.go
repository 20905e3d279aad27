package consumer_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
)

func TestMain(m *testing.M) {
	before := runtime.NumGoroutine()
	code := m.Run()
	if flag.Lookup("test.fuzz").Value.String() != "" {
		os.Exit(code) // fuzzing leaves a goroutine of its own
	}
	for deadline := time.Now().Add(10 * time.Second); code == 0 && runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			fmt.Printf("%d goroutines left\n%s\n", runtime.NumGoroutine()-before, buf[:runtime.Stack(buf, true)])
			code = 1
		}
	}
	os.Exit(code)
}

// hooks is a consumer whose hooks are functions.
type hooks struct {
	consumer.Base
	connect    func(ctx context.Context, c *hooks) error
	receive    func(ctx context.Context, c *hooks, msg consumer.Message) error
	disconnect func(ctx context.Context, c *hooks, code consumer.StatusCode) error
	event      func(ctx context.Context, c *hooks, e layer.Envelope) error
}

func (c *hooks) Connect(ctx context.Context) error {
	if c.connect == nil {
		return nil
	}
	return c.connect(ctx, c)
}

func (c *hooks) ReceiveJSON(ctx context.Context, msg consumer.Message) error {
	if c.receive == nil {
		return c.Base.ReceiveJSON(ctx, msg)
	}
	return c.receive(ctx, c, msg)
}

func (c *hooks) Disconnect(ctx context.Context, code consumer.StatusCode) error {
	if c.disconnect == nil {
		return nil
	}
	return c.disconnect(ctx, c, code)
}

// TestEvent handles "test.event".
func (c *hooks) TestEvent(ctx context.Context, e layer.Envelope) error {
	if c.event == nil {
		return c.SendJSON(ctx, e)
	}
	return c.event(ctx, c, e)
}

// handler serves copies of c.
func (c *hooks) handler(t testing.TB, opts consumer.Options) *consumer.Handler {
	t.Helper()
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	handler, err := consumer.NewHandler(func() *hooks {
		return &hooks{connect: c.connect, receive: c.receive, disconnect: c.disconnect, event: c.event}
	}, &opts)
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

func event(n int) consumer.Message { return consumer.Message{"type": "test.event", "n": n} }

func groupSend(t testing.TB, l layer.ChannelLayer, group string, msg consumer.Message) {
	t.Helper()
	if err := l.GroupSend(context.Background(), group, msg); err != nil {
		t.Errorf("GroupSend: %v", err)
	}
}

// waitFor polls until ok, for what happens behind the test's back.
func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// log collects records as text.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *log) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
