package redislayer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/redis/rueidis"

	"github.com/gochannels/channels/layer"
)

// ServerError is what a Redis server said in refusing a command, which had no effect. It wraps [layer.ErrUnavailable].
type ServerError struct {
	Code    string // the first word: "NOAUTH", "NOPERM", "OOM", "READONLY", "LOADING", "ERR" ...
	Message string // all of it
}

// Error returns the server's words.
func (e *ServerError) Error() string { return "redislayer: the server refuses: " + e.Message }

// Unwrap returns [layer.ErrUnavailable].
func (e *ServerError) Unwrap() error { return layer.ErrUnavailable }

// outcome maps the error of a command that was given to the client: what the server refused and what could not be sent
// had no effect, and of all else it is not known.
func outcome(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := rueidis.IsRedisErr(err); ok {
		return serverError(e)
	}
	if unsent(err) {
		return unavailable(err)
	}
	return fmt.Errorf("%w: %w", layer.ErrOutcomeUnknown, err)
}

// unavailable maps the error of what certainly had no effect.
func unavailable(cause error) error {
	if cause == nil {
		cause = errNotYet
	}
	if e, ok := rueidis.IsRedisErr(cause); ok {
		return serverError(e)
	}
	if errors.Is(cause, layer.ErrUnavailable) {
		return cause
	}
	return fmt.Errorf("%w: %w", layer.ErrUnavailable, cause)
}

func serverError(e *rueidis.RedisError) error {
	message := e.Error()
	code, _, _ := strings.Cut(message, " ")
	if code != strings.ToUpper(code) { // the client cuts this one off
		code, message = "ERR", "ERR "+message
	}
	return &ServerError{Code: code, Message: message}
}

// unsent reports whether err is of an attempt to connect.
func unsent(err error) bool {
	if op := (*net.OpError)(nil); errors.As(err, &op) && op.Op == "dial" {
		return true
	}
	return errors.Is(err, rueidis.ErrNoAddr) || errors.Is(err, errNoSession)
}

// ended maps the end of a wait for the answer to a command that may have been written: the caller's context, whose error
// can be asked for too, or our own time limit.
func ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", layer.ErrOutcomeUnknown, err)
	}
	return fmt.Errorf("%w: no answer in time", layer.ErrOutcomeUnknown)
}

var (
	errNoSession = errors.New("the connection is closed")
	errNotYet    = errors.New("there was no answer in time")
)
