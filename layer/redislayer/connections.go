package redislayer

import (
	"context"
	"crypto/tls"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// connections are those of a session, which they end with.
type connections struct {
	ctx context.Context

	mu   sync.Mutex
	open map[*connection]struct{}
}

func newConnections(ctx context.Context) *connections {
	c := &connections{ctx: ctx, open: make(map[*connection]struct{})}
	context.AfterFunc(ctx, c.hangUp)
	return c
}

// option completes a client's options: it connects within the time limit of a call, keeps one connection for what need not
// have one of its own, and never more calls in its queue than 1 << ring; for the next it would block, whatever the context
// says.
func (c *connections) option(o rueidis.ClientOption, limit time.Duration, ring int) rueidis.ClientOption {
	if o.Dialer.Timeout <= 0 || o.Dialer.Timeout > limit {
		o.Dialer.Timeout = limit
	}
	o.DialCtxFn = c.dialer(o.DialCtxFn)
	o.AlwaysPipelining = true // or a call that is given up would close the connection
	o.PipelineMultiplex = -1
	o.RingScaleEachConn = ring
	o.ReadBufferEachConn, o.WriteBufferEachConn = 128<<10, 64<<10
	return o
}

type dialFunc = func(context.Context, string, *net.Dialer, *tls.Config) (net.Conn, error)

// dialer returns dial, or what the client does without one, for these connections.
func (c *connections) dialer(dial dialFunc) dialFunc {
	if dial == nil {
		dial = dialTCP
	}
	return func(ctx context.Context, address string, d *net.Dialer, t *tls.Config) (net.Conn, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(c.ctx, cancel)()
		inner, err := dial(ctx, address, d, t)
		if err != nil {
			return nil, err
		}
		kept := &connection{inner, c}
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.ctx.Err() != nil {
			_ = inner.Close()
			return nil, errNoSession
		}
		c.open[kept] = struct{}{}
		return kept, nil
	}
}

func dialTCP(ctx context.Context, address string, d *net.Dialer, t *tls.Config) (net.Conn, error) {
	if t == nil {
		return d.DialContext(ctx, "tcp", address)
	}
	return dialTLS(ctx, address, d, t)
}

// hangUp closes all connections, so that nothing of a client waits for a server any more.
func (c *connections) hangUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for open := range c.open {
		_ = open.Conn.Close()
	}
}

// connection is one of them.
type connection struct {
	net.Conn
	all *connections
}

// Close closes it.
func (c *connection) Close() error {
	c.all.mu.Lock()
	delete(c.all.open, c)
	c.all.mu.Unlock()
	return c.Conn.Close()
}

// serverName is for logs.
func serverName(o rueidis.ClientOption, index int) string {
	switch {
	case o.Sentinel.MasterSet != "":
		return o.Sentinel.MasterSet
	case len(o.InitAddress) > 0:
		return redact(o.InitAddress[0])
	}
	return strconv.Itoa(index)
}
