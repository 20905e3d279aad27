package consumer_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/testing/consumertest"
)

// job is a worker's consumer.
type job struct {
	consumer.Base
	do func(ctx context.Context, c *job, msg consumer.Message) error
}

func (c *job) JobRun(ctx context.Context, msg consumer.Message) error { return c.do(ctx, c, msg) }

func worker(t *testing.T, slots int, l layer.ChannelLayer, out *log, do func(context.Context, *job, consumer.Message) error) (*consumer.Worker, *atomic.Int32) {
	t.Helper()
	made := new(atomic.Int32)
	w, err := consumer.NewWorker("jobs", func() *job { made.Add(1); return &job{do: do} },
		&consumer.WorkerOptions{Layer: l, Slots: slots, Logger: out.logger()})
	if err != nil {
		t.Fatal(err)
	}
	return w, made
}

func jobMessage(kind string) consumer.Message {
	return consumer.Message{"type": "job.run", "kind": kind}
}

func TestWorkerRepliesToAChannel(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	w, made := worker(t, 1, l, new(log), func(ctx context.Context, c *job, msg consumer.Message) error {
		if c.ChannelName() != "jobs" || c.Scope().Channel != "jobs" || consumer.FromClient(ctx) {
			t.Error("a worker's scope is wrong")
		}
		if err := c.SendJSON(ctx, 1); !errors.Is(err, consumer.ErrNotConnected) {
			t.Errorf("SendJSON: %v", err)
		}
		if err := c.Accept(ctx); !errors.Is(err, consumer.ErrNotConnected) {
			t.Errorf("Accept: %v", err)
		}
		if err := c.Close(0, ""); !errors.Is(err, consumer.ErrNotConnected) {
			t.Errorf("Close: %v", err)
		}
		return c.Layer().Send(ctx, msg["reply"].(string), consumer.Message{"type": "job.done", "kind": msg["kind"]})
	})
	reply := consumertest.NewChannel(t, l)
	consumertest.RunWorker(t, w)
	for _, kind := range []string{"a", "b", "c"} {
		msg := jobMessage(kind)
		msg["reply"] = reply.Name()
		if err := l.Send(t.Context(), "jobs", msg); err != nil {
			t.Fatal(err)
		}
	}
	for _, kind := range []string{"a", "b", "c"} {
		reply.Expect(consumer.Message{"type": "job.done", "kind": kind})
	}
	if n := made.Load(); n != 1 {
		t.Errorf("%d values made, want one for the slot", n)
	}
}

// One bad message never stops a worker; a value that failed is replaced.
func TestWorkerSurvives(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	var out log
	done := make(chan string, 10)
	w, made := worker(t, 1, l, &out, func(_ context.Context, _ *job, msg consumer.Message) error {
		switch kind := msg["kind"].(string); kind {
		case "error":
			return errors.New("failed")
		case "panic":
			panic("oh")
		case "goexit":
			runtime.Goexit()
			return nil
		default:
			done <- kind
			return nil
		}
	})
	consumertest.RunWorker(t, w)
	send := func(msg consumer.Message) {
		if err := l.Send(t.Context(), "jobs", msg); err != nil {
			t.Error(err)
		}
	}
	for _, kind := range []string{"error", "panic", "goexit"} {
		send(jobMessage(kind))
		send(jobMessage("after " + kind))
		if got := <-done; got != "after "+kind {
			t.Errorf("got %q", got)
		}
	}
	send(consumer.Message{"type": "connect"})
	send(consumer.Message{"type": "unknown"})
	send(jobMessage("last"))
	<-done
	s := w.Stats()
	if s.Handled != 7 || s.Errors["handler"] != 1 || s.Errors["panic"] != 2 || s.Dropped["unknown_type"] != 2 || made.Load() != 4 {
		t.Errorf("%+v, %d values", s, made.Load())
	}
	for _, want := range []string{"handler failed", "oh", "runtime.Goexit", "consumer_test.job"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log lacks %q", want)
		}
	}
}

// A message that no consumer could be made for is counted.
func TestWorkerWithoutConsumers(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	w, err := consumer.NewWorker("jobs", func() *job { return nil }, &consumer.WorkerOptions{Layer: l, Logger: new(log).logger()})
	if err != nil {
		t.Fatal(err)
	}
	consumertest.RunWorker(t, w)
	if err := l.Send(t.Context(), "jobs", jobMessage("x")); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the count", func() bool { return w.Stats().Dropped["no_consumer"] == 1 })
}

// N slots are N at a time; what runs at the end is finished, what waits stays.
func TestWorkerSlotsAndStop(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	var running, most atomic.Int32
	in, release := make(chan struct{}, 10), make(chan struct{})
	finished := atomic.Int32{}
	w, _ := worker(t, 3, l, new(log), func(ctx context.Context, _ *job, _ consumer.Message) error {
		if n := running.Add(1); n > most.Load() {
			most.Store(n)
		}
		in <- struct{}{}
		<-release
		if ctx.Err() != nil {
			t.Error("a running job's ctx was cancelled")
		}
		running.Add(-1)
		finished.Add(1)
		return nil
	})
	stop := consumertest.RunWorker(t, w)
	for range 5 {
		if err := l.Send(t.Context(), "jobs", jobMessage("x")); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		<-in
	}
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	release <- struct{}{}
	close(release)
	<-stopped
	if most.Load() != 3 {
		t.Errorf("%d at a time", most.Load())
	}
	left := 0
	for left+int(finished.Load()) < 5 {
		if _, err := layer.Receive(t.Context(), l, "jobs"); err != nil {
			t.Fatal(err)
		}
		left++
	}
	if finished.Load() < 3 {
		t.Errorf("%d finished", finished.Load())
	}
}

type noNamed struct{ layer.ChannelLayer }

func TestNewWorkerFaults(t *testing.T) {
	t.Parallel()
	for want, opts := range map[string]*consumer.WorkerOptions{
		"Layer is not set":      nil,
		"has no named channels": {Layer: noNamed{new(layer.Memory)}},
		"Slots: -1 is negative": {Layer: new(layer.Memory), Slots: -1},
	} {
		if _, err := consumer.NewWorker("jobs", func() *job { return new(job) }, opts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if _, err := consumer.NewWorker("a!b", func() *job { return new(job) }, &consumer.WorkerOptions{Layer: new(layer.Memory)}); err == nil {
		t.Error("a worker for a specific channel was made")
	}
	defer func() {
		if recover() == nil {
			t.Error("MustWorker does not panic")
		}
	}()
	consumer.MustWorker("jobs", func() *job { return new(job) }, nil)
}
