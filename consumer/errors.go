package consumer

import (
	"errors"
	"fmt"
	"net/http"
)

// Errors of this package. Each may be wrapped; compare with errors.Is.
var (
	// ErrStop, returned by a hook or handler, closes the connection with 1000;
	// a worker ends the slot's value and makes a new one.
	ErrStop = errors.New("consumer: stop")

	// ErrNotAccepted is what sending returns before Accept.
	ErrNotAccepted = errors.New("consumer: the connection is not accepted yet")

	// ErrNotConnected is what the methods of a Base return that serves no
	// connection, and those about a socket for a worker's consumer.
	ErrNotConnected = errors.New("consumer: no connection")

	// ErrSlowClient is returned by the Send that closed a client that does not
	// read.
	ErrSlowClient = errors.New("consumer: the client does not read, connection closed")

	// ErrNoLayer is returned by the group methods without Options.Layer.
	ErrNoLayer = errors.New("consumer: no channel layer is configured: set Options.Layer")

	// ErrNoHandler is what Options.OnError sees for a layer message whose type
	// no method handles.
	ErrNoHandler = errors.New("consumer: no handler for this type")

	// errAccepted is a second Accept, or one outside Connect.
	errAccepted = errors.New("consumer: Accept belongs into Connect, once")
)

// CloseError closes the connection with a code and a reason when a hook or
// handler returns it. After the close, errors.As finds it in what sending returns.
type CloseError struct {
	Code   StatusCode
	Reason string
}

// Error implements error.
func (e *CloseError) Error() string {
	return fmt.Sprintf("consumer: connection closed with %d %q", e.Code, e.Reason)
}

// DenyError refuses the connection, when Connect returns it before Accept, with
// a response of its own. Browsers show a script none of it: to them every
// refusal is the close code 1006.
type DenyError struct {
	Status int         // 300 to 599; 0 is 403
	Header http.Header // replaces what middleware has set under the same names
	Body   []byte      // nil: the status text
}

// Error implements error.
func (e *DenyError) Error() string {
	return fmt.Sprintf("consumer: connection refused with status %d", e.Status)
}

// EventError is an error with the event in which it arose, as Options.OnError
// sees it.
type EventError struct {
	// Event is "connect", "receive", "receive.json", "disconnect" or "gap" for
	// the hooks, "keep" for Options.Keep, "client" for a client's frame that could
	// not be read as a message, and otherwise the message's type, with '_' written
	// as '.' if a method handles it.
	Event string
	// FromClient tells a client's message from the layer's.
	FromClient bool
	// Err is what the hook or handler returned, a *PanicError, ErrNoHandler,
	// or what was wrong with the message.
	Err error
	// Scope is the connection's, or the worker's.
	Scope *Scope
}

// Error implements error.
func (e *EventError) Error() string { return e.Event + ": " + e.Err.Error() }

// Unwrap returns Err.
func (e *EventError) Unwrap() error { return e.Err }

// PanicError is a panic of a hook or handler, or its runtime.Goexit.
type PanicError struct {
	Value any
	Stack []byte
}

// Error implements error. The stack is not part of it.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// StuckError is returned by Shutdown when its context ended while hooks or
// handlers were running.
type StuckError struct {
	Stuck int // connections and handshakes whose hooks or handlers were still running
	Err   error
}

// Error implements error.
func (e *StuckError) Error() string {
	return fmt.Sprintf("consumer: shutdown: hooks or handlers of connections still run, %d in number: %v", e.Stuck, e.Err)
}

// Unwrap returns the context's cause.
func (e *StuckError) Unwrap() error { return e.Err }

// badMessage is an error that costs a message and not the connection.
type badMessage struct{ error }

func (e badMessage) Unwrap() error { return e.error }
