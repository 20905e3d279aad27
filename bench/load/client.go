package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// client is all connections of the load: one thread, one epoll, no WebSocket
// library, and the mask key 0, so that it costs little, and the same for every
// server. It is not for concurrent use.
type client struct {
	options
	epoll   int
	server  unix.SockaddrInet4
	conns   []*conn // by descriptor
	buf     []byte
	events  []unix.EpollEvent
	sources int // addresses 127.0.0.x to connect from; 1: the default one

	opened int // dials so far
	open   int // connections that are ready
	failed int // connections that ended before
	wrong  int // frames that should not have come
	err    error

	inflater inflater

	onOpen  func(*conn)
	onMsg   func(c *conn, payload []byte, now int64)
	onClose func(*conn)
}

type state int

const (
	upgrading state = iota
	joining         // centrifuge: its connect command is not answered yet
	ready
)

// conn is one connection. What a scenario keeps for it is here too, so that it
// needs no maps.
type conn struct {
	fd    int
	index int // of the dial
	state state
	tls   *tlsConn // nil without TLS
	rest  []byte   // an incomplete frame or header

	parts  []byte // a fragmented message
	packed bool
	binary bool

	sent int64 // when the last message was
	got  int   // messages
	want int   // broadcasts of the run
	last int64 // the time stamp of the last broadcast
}

func newClient(o options) (*client, error) {
	addr, err := net.ResolveTCPAddr("tcp4", o.addr)
	if err != nil {
		return nil, err
	}
	if !addr.IP.IsLoopback() {
		return nil, errors.New(o.addr + " is not a loopback address")
	}
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	l := &client{
		options: o,
		epoll:   epoll,
		server:  unix.SockaddrInet4{Port: addr.Port, Addr: [4]byte(addr.IP.To4())},
		buf:     make([]byte, 512<<10),
		events:  make([]unix.EpollEvent, 512),
		sources: 1,
		onOpen:  func(*conn) {},
		onMsg:   func(*conn, []byte, int64) {},
		onClose: func(*conn) {},
	}
	return l, nil
}

// fail makes every poll from now on return err.
func (l *client) fail(err error) {
	if l.err == nil {
		l.err = err
	}
}

// connectAll opens n connections, at most l.opening of them unfinished at a time.
func (l *client) connectAll(n int) error {
	for start := time.Now(); l.open < n && time.Since(start) < time.Minute; {
		for l.opened < n && l.opened-l.open-l.failed < l.opening {
			if err := l.dial(); err != nil {
				return err
			}
		}
		if err := l.poll(100); err != nil {
			return err
		}
	}
	if l.open < n {
		return fmt.Errorf("only %d of %d connections opened", l.open, n)
	}
	return nil
}

// poll waits for events, at most ms milliseconds, and handles them.
func (l *client) poll(ms int) error {
	n, _ := unix.EpollWait(l.epoll, l.events, ms)
	for _, event := range l.events[:max(n, 0)] {
		if c := l.conns[event.Fd]; c != nil {
			l.readable(c)
		}
	}
	return l.err
}

// until polls until done says so, and returns how long that took.
func (l *client) until(done func(time.Duration) bool) (time.Duration, error) {
	start := time.Now()
	for !done(time.Since(start)) {
		if err := l.poll(5); err != nil {
			return 0, err
		}
	}
	return time.Since(start), nil
}

// wait polls until done says so or, as what comes is counted by progress, none has
// come for l.patience. It returns how long it was until the last came.
func (l *client) wait(progress func() int64, done func() bool) (time.Duration, error) {
	// Time that the load itself was kept from the processor is not silence.
	const polls = 50
	start, last, before, quiet := time.Now(), time.Duration(0), progress(), 0
	_, err := l.until(func(passed time.Duration) bool {
		quiet++
		if n := progress(); n != before {
			last, before, quiet = time.Since(start), n, 0
		}
		return done() || quiet > polls && passed-last > l.patience
	})
	return last, err
}

func (l *client) readable(c *conn) {
	if c.tls == nil {
		l.readOnce(c)
		return
	}
	// What TLS holds decrypted wakes no epoll.
	for l.conns[c.fd] == c && l.readOnce(c) {
	}
}

// readOnce reads and handles what is there, and tells whether there may be more.
func (l *client) readOnce(c *conn) bool {
	k := copy(l.buf, c.rest)
	n, err := c.read(l.buf[k:])
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
		return false
	}
	if n <= 0 {
		l.close(c)
		return false
	}
	now, b := time.Now().UnixNano(), l.buf[:k+n]
	if c.state == upgrading {
		if b = l.upgraded(c, b); b == nil {
			return true
		}
	}
	b = l.frames(c, b, now)
	c.rest = append(c.rest[:0], b...)
	return true
}

// upgraded looks for the end of the handshake's answer and returns what follows
// it, nil if it has not come.
func (l *client) upgraded(c *conn, b []byte) []byte {
	head, rest, ok := bytes.Cut(b, []byte("\r\n\r\n"))
	switch {
	case !ok:
		c.rest = append(c.rest[:0], b...)
		return nil
	case !bytes.HasPrefix(head, []byte("HTTP/1.1 101")):
		l.fail(fmt.Errorf("the handshake is refused: %.200s", head))
		return nil
	case l.deflate && !bytes.Contains(head, []byte("permessage-deflate")):
		l.fail(errors.New("the server does not agree to permessage-deflate"))
		return nil
	}
	if l.proto == "centrifuge" {
		c.state = joining
		l.send(c, []byte(`{"id":1,"connect":{}}`))
	} else {
		l.ready(c)
	}
	return rest
}

func (l *client) ready(c *conn) {
	c.state = ready
	l.open++
	l.onOpen(c)
}

// each calls f for every open connection.
func (l *client) each(f func(*conn)) {
	for _, c := range l.conns {
		if c != nil && c.state == ready {
			f(c)
		}
	}
}

func (l *client) close(c *conn) {
	if l.conns[c.fd] != c {
		return
	}
	l.conns[c.fd] = nil
	_ = unix.SetsockoptLinger(c.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}) // leaves no TIME_WAIT
	_ = unix.Close(c.fd)
	if c.state == ready {
		l.open--
	} else {
		l.failed++
	}
	l.onClose(c)
}

func (l *client) closeAll() {
	for _, c := range l.conns {
		if c != nil {
			l.close(c)
		}
	}
	_ = unix.Close(l.epoll)
}
