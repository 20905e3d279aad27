package consumertest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A WebsocketCommunicator is a WebSocket client for one connection to a
// handler, made for tests. Between the two are a real http.Server and real
// bytes, but no network.
//
// Its methods fail the test where they are called. Receive and the Send
// methods may be called from any goroutine, and concurrently; the others are
// for the goroutine that runs the test. What arrives is queued without limit,
// so no order of sending and receiving can deadlock.
//
// When the test ends so does the connection, and the test fails if whoever
// handled it does not end within Options.Timeout. Inside a synctest bubble,
// create the communicator in that bubble.
type WebsocketCommunicator struct {
	t       testing.TB
	app     http.Handler
	target  string
	url     *url.URL
	opts    Options
	timeout time.Duration

	mu       sync.Mutex
	server   *server // nil, as is client, until the handshake is begun
	client   *client
	settled  bool // Connect or ExpectRefused has had its answer
	left     bool // this side has ended the connection
	reported bool // the test knows that the handler does not end
	over     bool // the test has ended
}

// NewWebsocketCommunicator returns a client that will connect to app at path,
// such as "/taxi/?room=1". The host is example.test, and the Origin header
// that of a page of this host; where the host matters, path may be a whole URL,
// such as "ws://tenant.test/taxi/". At most one Options may be given, and it
// may be nil.
func NewWebsocketCommunicator(t testing.TB, app http.Handler, path string, opts ...*Options) *WebsocketCommunicator {
	t.Helper()
	c := &WebsocketCommunicator{t: t, app: app, target: path}
	if len(opts) > 1 {
		c.fatal("NewWebsocketCommunicator", "%d Options, want at most one", len(opts))
		return c
	}
	if len(opts) == 1 && opts[0] != nil {
		c.opts = *opts[0]
	}
	c.timeout = c.opts.Timeout
	if c.timeout == 0 {
		c.timeout = defaultTimeout
	}
	u, err := parseTarget(path)
	switch {
	case err != nil:
		c.fatal("NewWebsocketCommunicator", "%v", err)
		return c
	case app == nil:
		c.fatal("NewWebsocketCommunicator", "nil handler")
		return c
	case c.timeout < 0:
		c.fatal("NewWebsocketCommunicator", "negative Timeout %v", c.timeout)
		return c
	}
	c.url = u
	t.Cleanup(c.cleanup)
	return c
}

// Connect makes the handshake and returns the server's answer to it. The test
// fails if the handler refuses.
func (c *WebsocketCommunicator) Connect() *http.Response {
	c.t.Helper()
	res, ok := c.handshake("Connect")
	if ok && res.StatusCode != http.StatusSwitchingProtocols {
		c.fatal("Connect", "refused with %s", describeResponse(res))
	}
	return res
}

// ExpectRefused makes the handshake, as Connect does, and returns the server's
// answer, of which the body is in memory and need not be closed. The test fails
// unless the handler refuses with this status.
func (c *WebsocketCommunicator) ExpectRefused(status int) *http.Response {
	c.t.Helper()
	res, ok := c.handshake("ExpectRefused")
	switch {
	case !ok:
	case res.StatusCode == http.StatusSwitchingProtocols:
		c.fatal("ExpectRefused", "connected, want a refusal with %d", status)
	case res.StatusCode != status:
		c.fatal("ExpectRefused", "want %d, got %s", status, describeResponse(res))
	}
	return res
}

// Subprotocol returns the subprotocol the server chose, or "" when it chose
// none or there is no connection.
func (c *WebsocketCommunicator) Subprotocol() string {
	if cl := c.connected(); cl != nil {
		return cl.response.Header.Get("Sec-WebSocket-Protocol")
	}
	return ""
}

// handshake begins the handshake if that hasn't been done, and waits for the
// answer. After a time-out it can be called again.
func (c *WebsocketCommunicator) handshake(op string) (*http.Response, bool) {
	c.t.Helper()
	c.mu.Lock()
	settled := c.settled
	if c.client == nil {
		c.dial()
	}
	cl := c.client
	c.mu.Unlock()
	if settled {
		c.fatal(op, "the handshake has been made; a communicator connects once")
		return &http.Response{}, false
	}
	ctx, cancel := c.deadline()
	defer cancel()
	select {
	case <-cl.answered:
	case <-ctx.Done():
		c.fatal(op, "no answer to the handshake within %v", c.timeout)
		return &http.Response{}, false
	}
	c.mu.Lock()
	c.settled = true
	c.mu.Unlock()
	if cl.err != nil {
		c.fatal(op, "%v", cl.err)
		return &http.Response{}, false
	}
	return cl.response, true
}

var connections atomic.Int64

func (c *WebsocketCommunicator) dial() {
	app := c.app
	if with := c.opts.Context; with != nil {
		app = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c.app.ServeHTTP(w, r.WithContext(with(r.Context())))
		})
	}
	label := fmt.Sprintf("connection %d of %s", connections.Add(1), c.t.Name())
	s, conn := newServer(c.t, app, label)
	c.server, c.client = s, newClient(conn)
	go c.client.run(newRequest(c.url, &c.opts)) // cleanup waits for it
}

// connected returns the client if the handshake was accepted, else nil.
func (c *WebsocketCommunicator) connected() *client {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.client == nil || !c.client.connected() {
		return nil
	}
	return c.client
}

func (c *WebsocketCommunicator) deadline() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), c.timeout)
}

func (c *WebsocketCommunicator) fatal(op, format string, args ...any) {
	c.t.Helper()
	c.t.Fatalf("%s: %s: %s", c.target, op, fmt.Sprintf(format, args...))
}

// fail fails the test from any goroutine, and lets that go on; once the test has ended there is none to fail.
func (c *WebsocketCommunicator) fail(op, format string, args ...any) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.t.Errorf("%s: %s: %s", c.target, op, fmt.Sprintf(format, args...))
	}
}

func describeResponse(res *http.Response) string {
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return res.Status
	}
	return fmt.Sprintf("%s: %q", res.Status, cut(body))
}
