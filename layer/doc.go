// Package layer carries messages between channels: the queues that consumers and workers read from, one process or many.
//
// # Using a layer
//
// A [ChannelLayer] knows channels, each of which is one queue with a name, and groups, each of which is a set of
// channels. [Memory] is the layer for one process; its zero value works.
//
//	l := new(layer.Memory)
//	box, err := l.NewChannel(ctx)                    // a channel of one's own, with a name nobody can guess
//	err = l.GroupAdd(ctx, "news", box.Channel())
//	err = l.GroupSend(ctx, "news", layer.Message{"type": "news.flash", "text": "..."})
//	e, err := box.Receive(ctx)                       // an Envelope: the message, encoded
//	msg, err := e.Message()                          // or e.Decode(&v)
//	box.Close()                                      // out of all groups
//
// A name without '!' is a named channel, which needs no NewChannel: one process sends to it, another takes messages
// out with [Receive], each of them once. That is how background work is handed to workers.
//
// # Messages
//
// A [Message] is a map with a "type" that says which handler it is for. [Encode] takes ordinary Go values, structs
// included, and normalises them once, at the call, so that what the sender changes afterwards reaches nobody. At the
// other end are nil, bool, string, int64, uint64 for larger integers, float64, []byte, []any and map[string]any, the
// same for every layer and every receiver: an integer stays an integer, 1.0 stays a float, NaN stays NaN. A struct is
// what encoding/json makes of it, where a float64 field of value 1 is written "1" and is an integer afterwards.
//
// An [Envelope] is one pointer to the encoded message, made once and shared by all receivers. It is JSON, unless the
// message holds bytes, NaN or infinities, which JSON has no form for; then it is MessagePack. [Envelope.Memo]
// remembers whatever else is made of it for all receivers at once.
//
// What comes from a client is taken strictly, by [ParseJSON]: two readers of one message must not see two different
// types in it.
//
// # Names
//
// A group is named by 1 to 99 ASCII letters, digits, '-', '.' and '_'; group.Name makes such names of anything. A
// channel is named likewise, and may have one '!' behind the first character. Faults are a [*NameError]. Layers with
// rules of their own are a [NameChecker].
//
// # Guarantees
//
// A message arrives at most once, never twice, and what one goroutine sends to one channel arrives in that order.
// Nothing ever waits for a slow reader: a channel holds a bounded number of messages for a bounded time, and what does
// not fit is dropped. Send says so with [ErrFull], GroupSend does not.
//
// What is dropped is counted, with its reason. For the whole layer, and at any moment when no call is under way,
//
//	Routed = Delivered + Expired + Dropped[full] + Dropped[oldest] + Dropped[closed] + Dropped[no_receiver] + Pending
//
// where Routed are the copies made: one for each Send, one for each member of a GroupSend. [Stats] has the numbers.
//
// When a layer lost messages, or must assume so, because its server was out of reach for instance, each [Mailbox]
// concerned gets a [Gap].
//
// # Writing a layer
//
// A layer is six methods. Mailbox does the rest: the bound, the expiry, the order, the waking of readers, and the
// counting. So a layer
//
//   - makes a [NewMailbox] for each NewChannel, with options that have Counters and an OnClose that forgets the channel
//     and takes it out of all groups,
//   - calls [Mailbox.Deliver] for each copy that arrives, under no lock of its own, as the mailbox may call the reader,
//     who may close it,
//   - counts with [Counters.Routed] before it delivers, with [Counters.Drop] what reached no mailbox, and with
//     [Counters.Sent] and [Counters.GroupSent] what it took,
//   - empties mailboxes by [Mailbox.Flush], if it is a [Flusher],
//   - leaves a Gap by [Mailbox.DeliverGap] when it cannot vouch for what came between.
//
// Its index of members can be a group.Registry, whose Changed keeps subscriptions in step. The suite in
// testing/layertest checks all that is promised here.
//
// # Goroutines
//
// This package starts none: Memory sweeps inside calls.
package layer
