package layer

import "errors"

// The errors of layers and mailboxes. Compare with [errors.Is]: layers wrap them.
var (
	// ErrFull means that a queue has reached its capacity; the message was dropped, and counted so.
	ErrFull = errors.New("layer: the channel is full")
	// ErrUnavailable means that the layer cannot reach its server; the call had no effect.
	ErrUnavailable = errors.New("layer: the layer is unavailable")
	// ErrOutcomeUnknown means that the connection to the server was lost while the call was under way.
	ErrOutcomeUnknown = errors.New("layer: the outcome is unknown")
	// ErrClosed means that the mailbox or the layer is closed.
	ErrClosed = errors.New("layer: closed")
	// ErrTooLarge means that the encoded message is larger than the layer takes.
	ErrTooLarge = errors.New("layer: the message is too large")
	// ErrUnknownChannel means that no such channel is open here.
	ErrUnknownChannel = errors.New("layer: unknown channel")
)

// MessageError says which value of a message is refused and why.
type MessageError struct {
	Path    string // where in the message, ".data.items[3]"; empty for the message itself
	Problem string
}

// Error names the place and the problem. Both are short: long keys and values are cut.
func (e *MessageError) Error() string {
	return "layer: message" + e.Path + ": " + e.Problem
}
