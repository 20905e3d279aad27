package consumertest

import (
	"context"
	"net/http"
	"time"
)

const (
	// defaultTimeout is a little more than a handler's own five seconds for
	// Connect and Disconnect, so that what those end in is seen.
	defaultTimeout = 6 * time.Second
	defaultQuiet   = 100 * time.Millisecond
)

// Options says how a WebsocketCommunicator connects. Nil, or a zero field,
// means the default.
type Options struct {
	// Subprotocols are offered in the handshake, the preferred one first.
	Subprotocols []string

	// Header replaces the handshake's headers, name by name: Cookie,
	// Authorization, Host. No values under a name leave that header out, so
	// {"Origin": nil} is a client that is no browser.
	Header http.Header

	// Context changes the request's context before the handler sees it, as
	// middleware would: to put in a logged-in user, for instance.
	Context func(context.Context) context.Context

	// Timeout is how long each call that waits may take. 0 means 6 seconds.
	// A call that takes longer fails; the connection stays as it is.
	Timeout time.Duration
}
