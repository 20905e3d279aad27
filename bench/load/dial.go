package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// dial connects, which on loopback is done at once, and sends the handshake.
func (l *client) dial() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	c := &conn{fd: fd, index: l.opened}
	l.opened++
	if err := l.start(c); err != nil {
		_ = unix.Close(fd)
		return err
	}
	for fd >= len(l.conns) {
		l.conns = append(l.conns, make([]*conn, len(l.conns)+1024)...)
	}
	l.conns[fd] = c
	return l.watch(c, unix.EPOLL_CTL_ADD)
}

func (l *client) watch(c *conn, op int) error {
	return unix.EpollCtl(l.epoll, op, c.fd, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP, Fd: int32(c.fd)})
}

func (l *client) start(c *conn) error {
	if l.sources > 1 {
		// One address has too few ports for many connections in a row.
		_ = unix.SetsockoptInt(c.fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
		if err := unix.Bind(c.fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, byte(2 + c.index%l.sources)}}); err != nil {
			return fmt.Errorf("bind: %w", err)
		}
	}
	if l.stalls(c) {
		_ = unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<10)
	}
	if err := unix.Connect(c.fd, &l.server); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	_ = unix.SetsockoptInt(c.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if l.tls {
		c.tls = &tlsConn{fd: c.fd}
		c.tls.Conn = tls.Client(c.tls.socket(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
		if err := c.tls.Handshake(); err != nil {
			return err
		}
	}
	if err := unix.SetNonblock(c.fd, true); err != nil {
		return err
	}
	return c.write([]byte(l.handshake(c)))
}

// stalls says whether c is one of those that never read.
func (l *client) stalls(c *conn) bool { return c.index < l.n*l.stalled/100 }

// browser are the headers that a browser sends besides those of the handshake.
const browser = "Pragma: no-cache\r\nCache-Control: no-cache\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n" +
	"Origin: %s://%s\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9,de;q=0.8\r\n" +
	"Cookie: sessionid=8f7d1c0b2a3e4d5f6a7b8c9d0e1f2a3b; csrftoken=Zk3vT9qLw2RxYb7NcP5mHs8JdGf1Ua4E\r\n" +
	"Sec-Fetch-Dest: websocket\r\nSec-Fetch-Mode: websocket\r\nSec-Fetch-Site: same-origin\r\n"

// handshake returns the request of c.
func (l *client) handshake(c *conn) string {
	var b strings.Builder
	host := fmt.Sprintf("127.0.0.1:%d", l.server.Port)
	fmt.Fprintf(&b, "GET /ws%s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n", l.query(c), host)
	b.WriteString("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n")
	if l.headers > 4 {
		scheme := "http"
		if l.tls {
			scheme = "https"
		}
		fmt.Fprintf(&b, browser, scheme, host)
	}
	if l.deflate {
		b.WriteString("Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n")
	}
	b.WriteString("\r\n")
	return b.String()
}

// query names the groups of c: neighbours share all but one.
func (l *client) query(c *conn) string {
	if l.groups == 0 {
		return ""
	}
	var names []string
	for i := range l.in {
		names = append(names, fmt.Sprintf("group=g%d", (c.index+i)%l.groups))
	}
	return "?" + strings.Join(names, "&")
}

// tlsConn is TLS on a descriptor that does not block after the handshake.
type tlsConn struct {
	*tls.Conn
	fd int
}

// errAgain is EAGAIN in the form after which crypto/tls reads on.
type errAgain struct{ error }

func (errAgain) Timeout() bool   { return true }
func (errAgain) Temporary() bool { return true }
func (e errAgain) Unwrap() error { return e.error }

func (t *tlsConn) socket() net.Conn { return socket{fd: t.fd} }

type socket struct {
	net.Conn // nil: crypto/tls needs no more than what is here
	fd       int
}

func (s socket) Read(b []byte) (int, error) {
	n, err := unix.Read(s.fd, b)
	switch {
	case errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR):
		return 0, errAgain{unix.EAGAIN}
	case err != nil:
		return 0, err
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

func (s socket) Write(b []byte) (int, error) { return len(b), writeAll(s.fd, b) }

func (s socket) SetWriteDeadline(time.Time) error { return nil }

func (c *conn) read(b []byte) (int, error) {
	if c.tls != nil {
		return c.tls.Read(b)
	}
	return unix.Read(c.fd, b)
}

func (c *conn) write(b []byte) error {
	if c.tls != nil {
		_, err := c.tls.Write(b)
		return err
	}
	return writeAll(c.fd, b)
}

func writeAll(fd int, b []byte) error {
	for len(b) > 0 {
		n, err := unix.Write(fd, b)
		if errors.Is(err, unix.EAGAIN) {
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, 1000)
			continue
		}
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}
