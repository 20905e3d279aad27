package layer

import (
	"context"
	"errors"
)

// ChannelLayer carries messages between channels, in one process or between many. The package documentation has the
// contract in full; each method's errors and effects are repeated here. All methods may be called concurrently.
//
// Every method looks at ctx first and returns its error before anything is done; then it checks names and the message,
// whose faults are a [*NameError] and a [*MessageError]. After Close all return [ErrClosed]. A layer that talks to a
// server returns [ErrUnavailable] if the call certainly had no effect, [ErrOutcomeUnknown] if it may have had, also when
// ctx ends while the call waits for it, whose error they wrap then.
type ChannelLayer interface {
	// NewChannel opens a channel whose name no other has or will have, and returns the end to read from. Whoever opened
	// it closes it, with [Mailbox.Close], which also takes it out of all groups.
	NewChannel(ctx context.Context) (*Mailbox, error)

	// Send puts a copy of msg into the channel's queue. It never waits for a reader, but may for a server. It returns
	// [ErrFull] if the queue is known to be full: a layer that learns so at the other end only counts the drop there.
	// A message beyond the layer's limit is [ErrTooLarge], for GroupSend too. Sending to a channel that is gone is no
	// error: the message is counted as dropped.
	Send(ctx context.Context, channel string, msg Message) error

	// GroupAdd puts the channel into the group; being in it already is no error. When it has returned nil, every
	// GroupSend begun afterwards, in any process, reaches the channel. A channel that NewChannel of this very layer did
	// not open, or that is closed, is [ErrUnknownChannel]; names without '!' need not exist.
	GroupAdd(ctx context.Context, group, channel string) error

	// GroupDiscard takes the channel out of the group; not being in it is no error.
	GroupDiscard(ctx context.Context, group, channel string) error

	// GroupSend sends msg to every channel that is in the group. A full or closed member is no error, but counted; nor
	// is a group without members.
	GroupSend(ctx context.Context, group string, msg Message) error

	// Close closes all mailboxes and releases what the layer holds. Closing twice is no error.
	Close() error
}

// Listener is a layer that has named channels: names without '!', from which any process may receive.
type Listener interface {
	// Receive takes one message from the named channel, and blocks until there is one. Each message goes to one
	// receiver, however many wait. A Receive whose ctx ends loses nothing. A name with '!' is a [*NameError]: such
	// a channel is read from its [Mailbox].
	Receive(ctx context.Context, channel string) (Envelope, error)
}

// Flusher is a layer that can forget all queued messages and all memberships. Open channels stay open.
type Flusher interface {
	Flush(ctx context.Context) error
}

// NameChecker is a layer with rules of its own for names. Without it [CheckChannelName] and group.CheckName hold.
type NameChecker interface {
	CheckChannelName(name string) error
	CheckGroupName(name string) error
}

// Counted is a layer that tells what became of its messages.
type Counted interface {
	Stats() Stats
}

// Readier is a layer that is of no use before it has reached its server for the first time.
type Readier interface {
	// Ready reports whether it has. Once true it stays true.
	Ready() bool
}

// Receive calls l's Receive if l is a [Listener]; otherwise its error is [errors.ErrUnsupported].
func Receive(ctx context.Context, l ChannelLayer, channel string) (Envelope, error) {
	if l, ok := l.(Listener); ok {
		return l.Receive(ctx, channel)
	}
	return Envelope{}, errors.ErrUnsupported
}

// Flush calls l's Flush if l is a [Flusher]; otherwise its error is [errors.ErrUnsupported].
func Flush(ctx context.Context, l ChannelLayer) error {
	if l, ok := l.(Flusher); ok {
		return l.Flush(ctx)
	}
	return errors.ErrUnsupported
}
