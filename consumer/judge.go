package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/gochannels/channels/layer"
)

// ask lets Options.OnError decide what shall come of an error.
func (s *session) ask(e *EventError) (err error) {
	if s.opts.OnError == nil {
		return e.Err
	}
	defer func() {
		if value := recover(); value != nil {
			s.opts.Logger.Error("consumer: Options.OnError panicked", "event", e.Event, "value", fmt.Sprint(value))
			err = e.Err
		}
	}()
	err = s.opts.OnError(context.WithoutCancel(s.ctx), e)
	if errors.Is(err, e.Err) {
		return e.Err
	}
	if err == nil && isUnusable(e.Err) {
		return e.Err // there is nothing to go on with
	}
	return err
}

func isUnusable(err error) bool {
	var factory errFactory
	var join errJoin
	return errors.As(err, &factory) || errors.As(err, &join)
}

// tell counts and logs an event's error, and returns what shall come of it: err,
// which is the error itself or what replaced it, or nil.
func (s *session) tell(e *EventError, bad bool, err error) error {
	var panicked *PanicError
	var closes *CloseError
	var denies *DenyError
	connecting := e.Event == eventConnect && s.conn.Load() == nil
	switch {
	case bad && errors.Is(err, e.Err):
		s.log(slog.LevelDebug, e, "consumer: message dropped", "error", err)
		return nil
	case errors.As(e.Err, &panicked):
		s.count(errorPanic)
		s.log(slog.LevelError, e, "consumer: panic", "value", fmt.Sprint(panicked.Value), "stack", string(panicked.Stack))
		return err
	case err == nil:
		return nil
	case errors.Is(err, ErrStop), errors.Is(err, ErrSlowClient), connecting && errors.As(err, &denies):
		return err
	case errors.Is(err, errQueueFull): // counted where it happened
		return nil
	case errors.As(err, &closes):
		if bad := checkCode(closes.Code); bad != nil {
			s.log(slog.LevelError, e, "consumer: CloseError can't be sent, closing with 1011", "error", bad)
		}
		return err
	case isLayerError(err):
		s.count(errorLayer)
		level := slog.LevelDebug
		if !s.warned.Swap(true) { // once a connection: a client may ask for more
			level = slog.LevelWarn
		}
		s.log(level, e, "consumer: layer", "error", err)
		if connecting {
			return err
		}
		return nil
	}
	s.count(errorHandler)
	if !connecting { // a refusal is no fault
		s.log(slog.LevelError, e, "consumer: handler failed", "error", err)
	}
	return err
}

// log names the consumer, the event and the path; a query may hold secrets.
func (s *session) log(level slog.Level, e *EventError, msg string, args ...any) {
	if !s.opts.Logger.Enabled(s.ctx, level) {
		return
	}
	args = append(args, "consumer", fmt.Sprintf("%T", s.c), "event", e.Event, "from_client", e.FromClient)
	if s.scope.URL != nil {
		args = append(args, "path", s.scope.URL.Path)
	}
	s.opts.Logger.Log(context.WithoutCancel(s.ctx), level, msg, args...)
}

func isLayerError(err error) bool {
	return errors.Is(err, layer.ErrUnavailable) || errors.Is(err, layer.ErrOutcomeUnknown) || errors.Is(err, layer.ErrFull)
}

// isCancel recognises what an end does to a handler that was running.
func isCancel(err error) bool {
	var c *CloseError
	return errors.Is(err, context.Canceled) || errors.As(err, &c) || errors.Is(err, ErrSlowClient) ||
		errors.Is(err, layer.ErrClosed) || errors.Is(err, layer.ErrUnknownChannel)
}
