package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/gochannels/channels/layer"
)

// judge counts, shows and logs an error, and returns what is left of it: nil
// if nothing shall come of it.
func (s *session) judge(event string, fromClient bool, err error) error {
	if err = sound(err); err == nil {
		return nil
	}
	if s.ended.Load() && isCancel(event, err) {
		return nil // of the end itself
	}
	var bad badMessage
	isBad := errors.As(err, &bad)
	if isBad {
		err = bad.error
		s.countBad(err)
	}
	e := &EventError{Event: event, FromClient: fromClient, Err: err, Scope: s.scope}
	return s.tell(e, isBad, s.ask(e))
}

// sound returns err, or a PanicError if to look at err panics, as it does with a
// nil pointer that was returned as an error. Nobody else would recover that.
func sound(err error) (safe error) {
	if err == nil {
		return nil
	}
	defer func() {
		if value := recover(); value != nil {
			safe = &PanicError{Value: fmt.Sprintf("%v, in the %T that was returned as an error", value, err), Stack: debug.Stack()}
		}
	}()
	_ = err.Error()
	var closes *CloseError
	if errors.As(err, &closes) {
		_ = closes.Code
	}
	var denies *DenyError
	if errors.As(err, &denies) {
		_ = denies.Status
	}
	errors.Is(err, ErrStop)
	return err
}

// ask lets Options.OnError decide what shall come of an error.
func (s *session) ask(e *EventError) (err error) {
	if s.opts.OnError == nil {
		return e.Err
	}
	returned := false
	defer func() {
		if returned {
			return
		}
		err = e.Err
		if value := recover(); value != nil {
			s.log(slog.LevelError, e, "consumer: Options.OnError panicked", "value", fmt.Sprint(value), "stack", string(debug.Stack()))
		} else { // runtime.Goexit: nobody acts on the error
			s.closeConn(StatusInternalError, "")
		}
	}()
	err = sound(s.opts.OnError(context.WithoutCancel(s.ctx), e))
	returned = true
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
		level := slog.LevelDebug
		if !e.FromClient { // its sender is the application
			level = s.notices.dropped.level(slog.LevelWarn)
		}
		s.log(level, e, "consumer: message dropped", "error", err)
		return nil
	case errors.As(e.Err, &panicked):
		s.count(errorPanic)
		s.log(slog.LevelError, e, "consumer: panic", "value", fmt.Sprint(panicked.Value), "stack", string(panicked.Stack))
		return err
	case err == nil:
		return nil
	case connecting && errors.As(err, &denies):
		s.log(slog.LevelDebug, e, "consumer: handshake refused", "error", err)
		return err
	case errors.Is(err, ErrStop), errors.Is(err, ErrSlowClient):
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
		s.log(s.notices.layer.level(slog.LevelWarn), e, "consumer: layer", "error", err)
		if connecting {
			return err
		}
		return nil
	}
	s.count(errorHandler)
	switch {
	case isUnusable(err): // deny logs it
	case connecting: // a fault, or the way to say no
		s.log(s.notices.refused.level(slog.LevelWarn), e, "consumer: handshake refused", "error", err)
	default:
		s.log(slog.LevelError, e, "consumer: handler failed", "error", err)
	}
	return err
}

// log names the consumer, the event and the path; a query may hold secrets.
func (s *session) log(level slog.Level, e *EventError, msg string, args ...any) {
	if !s.opts.Logger.Enabled(s.ctx, level) {
		return
	}
	who := []any{"consumer", fmt.Sprintf("%T", s.c), "event", e.Event, "from_client", e.FromClient}
	if s.scope.URL != nil {
		who = append(who, "path", s.scope.URL.Path)
	}
	s.opts.Logger.Log(context.WithoutCancel(s.ctx), level, msg, append(who, args...)...)
}

func isLayerError(err error) bool {
	return errors.Is(err, layer.ErrUnavailable) || errors.Is(err, layer.ErrOutcomeUnknown) || errors.Is(err, layer.ErrFull)
}

// isCancel recognises what an end does to a handler that was running, and to
// Disconnect, whose context is alive and which has no use for its channel.
func isCancel(event string, err error) bool {
	var c *CloseError
	if errors.As(err, &c) || errors.Is(err, ErrSlowClient) {
		return true
	}
	return event != eventDisconnect &&
		(errors.Is(err, context.Canceled) || errors.Is(err, layer.ErrClosed) || errors.Is(err, layer.ErrUnknownChannel))
}
