package redislayer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"
)

// dialTLS connects, and says of a handshake that failed that it did.
func dialTLS(ctx context.Context, address string, d *net.Dialer, t *tls.Config) (net.Conn, error) {
	secure := tls.Dialer{NetDialer: d, Config: t}
	c, err := secure.DialContext(ctx, "tcp", address)
	if op := (*net.OpError)(nil); err != nil && !(errors.As(err, &op) && op.Op == "dial") {
		return nil, fmt.Errorf("the TLS handshake: %w", err)
	}
	if err != nil {
		return nil, err
	}
	return &tlsConn{c}, nil
}

// tlsConn is a connection whose writes fail for the reason that the other side gave, if it gave one. In TLS 1.3 a client
// is through with the handshake before the server has seen its certificate, and what it writes next meets a closed
// connection.
type tlsConn struct{ net.Conn }

// alertWait is how long the reason may take when a write has failed.
const alertWait = 100 * time.Millisecond

func (c *tlsConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if err == nil {
		return n, nil
	}
	_ = c.SetReadDeadline(time.Now().Add(alertWait))
	var one [1]byte
	// Another reader's error is told again; an alert of TLS is a "remote error".
	_, reason := c.Read(one[:])
	if op := (*net.OpError)(nil); errors.As(reason, &op) && op.Op == "remote error" {
		err = reason
	}
	return n, err
}
