// Package consumer serves WebSocket connections with consumers: one value per
// connection, with hooks, message types that are dispatched to methods, groups
// to broadcast to, and a channel layer behind them. It gives Go services what
// Django Channels gives Python ones.
//
// # A consumer
//
// Embed [Base], write the hooks you need, and mount the handler:
//
//	type TaxiConsumer struct{ consumer.Base }
//
//	func (c *TaxiConsumer) Connect(ctx context.Context) error {
//		if err := c.GroupAdd(ctx, "test"); err != nil {
//			return err
//		}
//		return c.Accept(ctx)
//	}
//
//	// EchoMessage handles "echo.message" from the channel layer.
//	func (c *TaxiConsumer) EchoMessage(ctx context.Context, msg consumer.Message) error {
//		return c.SendJSON(ctx, msg)
//	}
//
//	l := new(layer.Memory)
//	mux.Handle("/taxi/", consumer.MustHandler(
//		func() *TaxiConsumer { return new(TaxiConsumer) },
//		&consumer.Options{Layer: l},
//	))
//
// Routing is http.ServeMux or any router; authentication and the like are
// func(http.Handler) http.Handler, whose context values handlers see.
//
// # Handlers
//
// An exported method whose first parameter is a context.Context, and which is
// neither a hook nor one of Base's (nor named like one but for case), is a handler:
//
//	func (c *T) EchoMessage(ctx context.Context, msg M) error
//
// EchoMessage handles "echo.message", and nothing else does: each capital
// letter begins a part of the type, and '_' in a type counts as '.'. Types that
// have no such name are mapped by Options.Types. M is the price:
//
//   - [layer.Envelope]: encoded once, shared by all receivers, not decoded.
//     SendJSON of it frames the message once for all of them.
//   - a struct with json tags: decoded as encoding/json does, at half its cost.
//   - [Message]: decoded into a map that is the handler's own.
//
// [Options.Relay] is cheaper than all of them: where every client gets the same
// bytes, the message goes out without running the consumer's code.
//
// All methods are judged when the handler is made, and all faults are reported
// at once. Hooks, Base's methods and unexported methods are reachable by no
// message, whatever its type.
//
// Messages of the layer reach all handlers. A message of the client reaches a
// handler only if its type is in Options.FromClient; all else goes to
// ReceiveJSON. [FromClient] tells a handler which side a message came from.
//
// # Connect
//
// Connect runs before the handshake is answered, with Options.Groups joined
// and what they send waiting.
//
//	returns nil                      accepted
//	Accept, then nil                 accepted at once; what it sends goes out in order
//	returns an error                 403; a *DenyError has its own status, headers, body;
//	                                 a layer that is down or full: 503 with Retry-After; a panic: 500
//	Close before Accept              403
//	Accept, then an error            closed as the error says; Disconnect runs
//	neither in ConnectTimeout        503, and ctx is cancelled
//
// A refused connection never sees Disconnect. An accepted one does, once. An
// error that is no *DenyError is logged, once a minute as a warning and each time
// for slog.LevelDebug.
//
// # Errors are instructions
//
// A *[CloseError] closes with its code and reason, [ErrStop] with 1000. Errors
// that wrap layer.ErrUnavailable, ErrOutcomeUnknown or ErrFull are logged and
// counted, and close nothing. Any other error, and a panic, is logged and closes
// with 1011; no text of it reaches the client. A message that can't be decoded,
// or whose type nobody handles, costs that message and not the connection: it is
// counted, and logged for slog.LevelDebug, a layer's once a minute as a warning.
// Options.OnError sees all of these first and may decide otherwise.
//
// # One at a time
//
// Hooks and handlers of one consumer never overlap, so they share its fields
// without locks; goroutines of your own don't have that guarantee. To run code
// in the turn from elsewhere, send the consumer a message:
//
//	c.Layer().Send(ctx, c.ChannelName(), consumer.Message{"type": "tick"})
//
// When a connection ends, its context is cancelled and its groups are left at
// once, even while a handler ignores its context; after a Close of ours the socket
// waits for the client's answer, for 5 seconds. Disconnect runs when that handler
// returns. After 16 layer messages a client's frame that waits
// has its turn.
//
// # Contexts
//
// Each connection has one context, cancelled with the cause when it ends; hooks
// and handlers get it, and goroutines started by them may use it. It is not the
// request's, so it outlives ServeHTTP. During Connect its values are the
// request's; then those of Options.Keep, or without it the request's, less those
// of routers known to use them again for the next request. Disconnect gets a
// context that is alive, for DisconnectTimeout.
//
// # Order and loss
//
// Delivery is at most once, and in order per sender and channel, relayed and
// handled messages together. Every message that is not delivered is counted
// with its reason: in [Handler.Stats] from the consumer on, in the layer's Stats
// before it. Queues are bounded: the layer's mailbox by messages, the client's
// by Options.QueueBytes.
//
// # Goroutines
//
//	goroutine            started by            ends                            waited for by
//	reader               an accepted handshake when the socket is closed       Shutdown
//	Connect              ServeHTTP             0.1 s after Connect returned    ServeHTTP, to ConnectTimeout
//	                                           without another to run, or with
//	                                           the last connection
//	runners, one a core  layer messages that   when none is                    Shutdown
//	                     are due
//	Disconnect           the connection's end  when Disconnect returns         Shutdown
//	relief of a reader   the clock             with the socket; see below      Shutdown
//	clock, one a handler the first connection  with the last connection        the next clock
//	flushers, one a core frames that are due   when none is                    -
//	a blocked write      a full socket, and    when its queue is empty, or     -
//	                     under TLS each first  64 KiB took WriteTimeout
//	                     message in a queue
//	a worker's slot      Worker.Run            with Run's ctx                  Run
//
// An idle connection has the reader alone. Handlers of layer messages may block:
// the runners are twice as many after each millisecond in which they come to few
// connections, and a connection whose turn is taken waits for it in a goroutine of
// its own. A reader whose handler runs for half a second gets a relief, which
// answers pings, notices the client's leaving, and keeps up to ReadLimit bytes of
// messages for it.
package consumer
