package layertest

import (
	"context"
	"errors"

	"github.com/gochannels/channels/layer"
)

// greeting is the second process' first word.
const greeting = "layertest"

type verb string

const (
	verbOpen         verb = "open"
	verbClose        verb = "close"
	verbNewChannel   verb = "new channel"
	verbCloseChannel verb = "close channel"
	verbSend         verb = "send"
	verbGroupSend    verb = "group send"
	verbGroupAdd     verb = "group add"
	verbGroupDiscard verb = "group discard"
	verbReceive      verb = "receive"
	verbFlush        verb = "flush"
	verbStats        verb = "stats"
	verbCancel       verb = "cancel"
)

// request is a call to be made in the second process.
type request struct {
	ID      int
	Verb    verb
	Layer   int     // the request that opened the layer
	Target  int     // the request to cancel, or the one that opened the channel to close
	Name    string  // a channel's, a group's to send to, or the config to open
	Group   string  // to join or to leave
	Message []byte  // MessagePack
	Options Options // to open with
}

// answer is what came of a request or, if that has none, what a mailbox has received.
type answer struct {
	ID      int
	Fault   *fault
	Name    string
	Stats   layer.Stats
	Message []byte
	Gap     *layer.Gap
	Box     int // the request that opened the mailbox
}

// fault is an error on its way.
type fault struct {
	Text    string
	Is      []int // of sentinels
	Name    *layer.NameError
	Message *layer.MessageError
}

var sentinels = []error{
	layer.ErrFull, layer.ErrClosed, layer.ErrUnknownChannel, layer.ErrUnavailable, layer.ErrOutcomeUnknown,
	errors.ErrUnsupported, context.Canceled, context.DeadlineExceeded, errProcessEnded,
}

func newFault(err error) *fault {
	if err == nil {
		return nil
	}
	f := &fault{Text: err.Error()}
	for i, sentinel := range sentinels {
		if errors.Is(err, sentinel) {
			f.Is = append(f.Is, i)
		}
	}
	errors.As(err, &f.Name)
	errors.As(err, &f.Message)
	return f
}

func (f *fault) err() error {
	if f == nil {
		return nil
	}
	e := &remoteError{text: f.Text}
	for _, i := range f.Is {
		e.causes = append(e.causes, sentinels[i])
	}
	if f.Name != nil {
		e.causes = append(e.causes, f.Name)
	}
	if f.Message != nil {
		e.causes = append(e.causes, f.Message)
	}
	return e
}

// remoteError is the second process' error, with what callers compare or look for in it.
type remoteError struct {
	text   string
	causes []error
}

func (e *remoteError) Error() string   { return e.text }
func (e *remoteError) Unwrap() []error { return e.causes }
