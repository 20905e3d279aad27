package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/gochannels/channels/group"
	"github.com/gochannels/channels/layer"
)

// WorkerOptions configure a Worker. Zero fields mean the defaults.
type WorkerOptions struct {
	// Layer must be set, and have named channels (layer.Listener).
	Layer layer.ChannelLayer
	// Slots is how many messages are handled at a time. 1.
	Slots int
	// Types, OnError and Logger are as in Options. A *CloseError has no meaning
	// here beyond that of any error.
	Types   map[string]string
	OnError func(ctx context.Context, e *EventError) error
	Logger  *slog.Logger
}

// Worker handles the messages of a named channel in the background. Each of
// its slots has a consumer of its own and handles one message at a time, by the
// handler of its type. Connect, ReceiveJSON and Disconnect are not called.
type Worker struct {
	newConsumer func() Consumer
	plan        *plan
	channel     string
	listener    layer.Listener
	slots       int
	opts        *Options
	counts      counters
	notices     notices
}

// NewWorker returns a worker for a channel such as "thumbnails". newConsumer
// makes a slot's value, and a new one after an error.
func NewWorker[C Consumer](channel string, newConsumer func() C, opts *WorkerOptions) (*Worker, error) {
	o := WorkerOptions{}
	if opts != nil {
		o = *opts
	}
	listener, ok := o.Layer.(layer.Listener)
	var faults []error
	switch {
	case o.Layer == nil:
		faults = append(faults, errors.New("consumer: WorkerOptions.Layer is not set"))
	case !ok:
		faults = append(faults, fmt.Errorf("consumer: WorkerOptions.Layer: %T has no named channels: %w", o.Layer, errors.ErrUnsupported))
	}
	if o.Slots < 0 {
		faults = append(faults, fmt.Errorf("consumer: WorkerOptions.Slots: %d is negative", o.Slots))
	}
	if newConsumer == nil {
		faults = append(faults, errors.New("consumer: newConsumer is nil"))
	}
	// A named channel obeys the rules of groups: no '!'.
	if err := group.CheckName(channel); err != nil {
		faults = append(faults, fmt.Errorf("consumer: worker's channel: %w", err))
	}
	options, err := (&Options{Layer: o.Layer, Types: o.Types, OnError: o.OnError, Logger: o.Logger}).withDefaults()
	faults = append(faults, err)
	p, err := newPlan[C](o.Types, nil)
	if err := errors.Join(append(faults, err)...); err != nil {
		return nil, err
	}
	return &Worker{
		newConsumer: erase(newConsumer), plan: p, channel: channel,
		listener: listener, slots: max(1, o.Slots), opts: options,
	}, nil
}

// MustWorker is NewWorker for set-up code: it panics on an error.
func MustWorker[C Consumer](channel string, newConsumer func() C, opts *WorkerOptions) *Worker {
	w, err := NewWorker(channel, newConsumer, opts)
	if err != nil {
		panic(err)
	}
	return w
}

// Run handles messages until ctx is done or the layer is closed. What is being
// handled then is finished, with a context that is not cancelled; what waits
// stays in the layer. A message's error is logged and stops nothing. It returns
// nil after ctx, and layer.ErrClosed after the layer. It may be called again.
func (w *Worker) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	errs := make([]error, w.slots)
	for i := range w.slots {
		wg.Go(func() { errs[i] = w.runSlot(ctx) })
	}
	wg.Wait()
	for _, err := range errs { // all slots end alike
		if err != nil {
			return err
		}
	}
	return nil
}

// Stats returns what was counted: Handled, Dropped and Errors.
func (w *Worker) Stats() Stats { return w.counts.stats(0) }

// Metrics implements layer.Measured.
func (w *Worker) Metrics() []layer.Metric {
	return w.counts.metrics("channels_worker_", "handled", "dropped", "errors")
}

func (w *Worker) runSlot(ctx context.Context) error {
	var s *session
	defer func() {
		if s != nil {
			s.cancel(ErrStop)
		}
	}()
	failures := 0
	for {
		e, err := w.listener.Receive(ctx, w.channel)
		switch {
		case ctx.Err() != nil && err != nil:
			return nil
		case errors.Is(err, layer.ErrClosed), errors.Is(err, errors.ErrUnsupported):
			return err
		case err != nil: // the layer is down: it comes back
			failures++
			w.opts.Logger.Warn("consumer: worker can't receive", "channel", w.channel, "error", err)
			wait(ctx, min(5*time.Second, 50*time.Millisecond<<min(failures, 7)))
			continue
		}
		failures = 0
		if s == nil {
			if s, err = w.newSlot(ctx); err != nil {
				w.opts.Logger.Error("consumer: no consumer for a worker's message, which is lost", "channel", w.channel, "error", err)
				w.counts.stripes[0].add(dropNoConsumer)
				s = nil
				continue
			}
		}
		if !s.work(e) {
			s.cancel(ErrStop)
			s = nil
		}
	}
}

// newSlot makes a slot's consumer.
func (w *Worker) newSlot(ctx context.Context) (*session, error) {
	s := newSession(w.plan, w.opts, w.counts.stripe(), &w.notices, context.WithoutCancel(ctx))
	s.channel = w.channel
	s.scope = &Scope{Channel: w.channel}
	err := s.guard(&w.channel, func() error { return s.bind(w.newConsumer()) })
	return s, err
}

// work handles one message in a goroutine of its own, as a handler may end
// it, and reports whether the consumer may go on.
func (s *session) work(e layer.Envelope) (ok bool) {
	h := s.plan.lookup(e.Type())
	if h == nil {
		s.judge(cut(e.Type()), false, badMessage{fmt.Errorf("%w: %.60q", ErrNoHandler, e.Type())})
		return true
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		err := s.invoke(s.ctx, h, e)
		ok = s.judge(h.event, false, err) == nil
	}()
	<-ended
	return ok
}
