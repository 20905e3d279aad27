package consumer

import (
	"context"

	"github.com/gochannels/channels/layer"
)

// Message is a decoded message: Python's dict. Integers are int64 (uint64
// beyond), other numbers float64.
type Message = layer.Message

// Consumer serves one connection. Embed [Base] to get the methods you don't
// write yourself; nothing else satisfies the interface.
//
// Hooks and handlers of one consumer never overlap, so they need no locks
// among themselves. What their errors do is told in the package comment.
//
// Two more hooks are called when a consumer has them:
//
//	Receive(ctx context.Context, f Frame) error      // every data frame, instead of ReceiveJSON and FromClient
//	Gap(ctx context.Context, gap layer.Gap) error    // the layer lost messages, or must assume so
type Consumer interface {
	// Connect runs before the handshake is answered. nil accepts, an error
	// refuses; Accept inside it accepts at once. It must end within
	// Options.ConnectTimeout, unless it has accepted.
	Connect(ctx context.Context) error

	// ReceiveJSON gets each JSON object from the client whose type is not in
	// Options.FromClient.
	ReceiveJSON(ctx context.Context, msg Message) error

	// Disconnect runs once after every accepted connection, whatever ended it,
	// and never beside another hook or handler. All groups are left by then.
	// code is that of the first close frame, either side's: 1005 if it had
	// none, 1006 if there was no frame. ctx lives for Options.DisconnectTimeout.
	Disconnect(ctx context.Context, code StatusCode) error

	embedConsumerBase() *Base // what to do if the compiler misses it: embed Base
}

// Frame is a data message, UTF-8 text or bytes, in however many frames it came.
// What a hook gets is its own.
type Frame struct {
	Binary bool
	Data   []byte
}

// TextFrame returns a text frame.
func TextFrame(s string) Frame { return Frame{Data: []byte(s)} }

// BinaryFrame returns a binary frame of b, which it does not copy.
func BinaryFrame(b []byte) Frame { return Frame{Binary: true, Data: b} }

type receiver interface {
	Receive(ctx context.Context, f Frame) error
}

type gapper interface {
	Gap(ctx context.Context, gap layer.Gap) error
}
