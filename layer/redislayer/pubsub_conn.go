package redislayer

import (
	"context"
	"crypto/tls"
	"net"
)

type dialFunc = func(context.Context, string, *net.Dialer, *tls.Config) (net.Conn, error)

// dialer returns dial, or what the client does without one, for connections that end with the session.
func (p *session) dialer(dial dialFunc) dialFunc {
	if dial == nil {
		dial = dialTCP
	}
	return func(ctx context.Context, address string, d *net.Dialer, t *tls.Config) (net.Conn, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(p.ctx, cancel)()
		c, err := dial(ctx, address, d, t)
		if err != nil {
			return nil, err
		}
		kept := &conn{c, p}
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.ctx.Err() != nil {
			_ = c.Close()
			return nil, errNoSession
		}
		p.conns[kept] = struct{}{}
		return kept, nil
	}
}

func dialTCP(ctx context.Context, address string, d *net.Dialer, t *tls.Config) (net.Conn, error) {
	if t == nil {
		return d.DialContext(ctx, "tcp", address)
	}
	secure := tls.Dialer{NetDialer: d, Config: t}
	return secure.DialContext(ctx, "tcp", address)
}

// hangUp closes all connections, so that nothing of the client waits for a server any more.
func (p *session) hangUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Conn.Close()
	}
}

// conn is a connection of the session's.
type conn struct {
	net.Conn
	session *session
}

// Close closes it.
func (c *conn) Close() error {
	c.session.mu.Lock()
	delete(c.session.conns, c)
	c.session.mu.Unlock()
	return c.Conn.Close()
}
