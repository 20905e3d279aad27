package redistest

import (
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy passes TCP connections on to a server, and breaks them as it is told. All methods may be called concurrently.
type Proxy struct {
	listener net.Listener
	work     sync.WaitGroup

	mu       sync.Mutex
	target   string
	wake     chan struct{}     // closed and replaced at every change
	conns    map[net.Conn]bool // whether it is a client's
	stranded map[net.Conn]bool // servers' whose client is gone without a word
	refuse   bool
	up, down bool // whether what the client or the server sends is held back
	delay    time.Duration
	slice    int
	closed   bool
	accepted int
}

// NewProxy returns a proxy to the address target, at an address of its own. It is closed when the test ends.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{target: target, listener: l, conns: make(map[net.Conn]bool), stranded: make(map[net.Conn]bool), wake: make(chan struct{})}
	p.work.Go(p.serve)
	t.Cleanup(p.close)
	return p
}

// Addr returns the address to connect to.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// URL returns the address as Channels takes it.
func (p *Proxy) URL() string { return "redis://" + p.Addr() }

// Accepted returns how many connections there have been.
func (p *Proxy) Accepted() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accepted
}

// Redirect leads new connections to another server.
func (p *Proxy) Redirect(target string) { p.change(func() { p.target = target }) }

// Cut closes all connections.
func (p *Proxy) Cut() {
	p.change(func() {
		for c := range p.conns {
			_ = c.Close()
		}
		clear(p.conns)
	})
}

// Strand closes all clients' connections, and lets the server take them for alive.
func (p *Proxy) Strand() {
	p.change(func() {
		for c, client := range p.conns {
			if client {
				_ = c.Close()
				delete(p.conns, c)
			} else {
				p.stranded[c] = true
			}
		}
	})
}

func (p *Proxy) isStranded(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stranded[c]
}

// Refuse closes new connections at once while on is true.
func (p *Proxy) Refuse(on bool) { p.change(func() { p.refuse = on }) }

// Blackhole passes nothing on in either direction while on is true. What was sent meanwhile is late afterwards, not lost,
// as in a network that comes back.
func (p *Proxy) Blackhole(on bool) { p.change(func() { p.up, p.down = on, on }) }

// BlackholeUp is Blackhole of what the client sends.
func (p *Proxy) BlackholeUp(on bool) { p.change(func() { p.up = on }) }

// BlackholeDown is Blackhole of what the server sends.
func (p *Proxy) BlackholeDown(on bool) { p.change(func() { p.down = on }) }

// Delay makes each read of either side wait that long before it is passed on.
func (p *Proxy) Delay(d time.Duration) { p.change(func() { p.delay = d }) }

// Slice passes on at most n bytes at a time, each after the delay; 0 ends it.
func (p *Proxy) Slice(n int) { p.change(func() { p.slice = n }) }

func (p *Proxy) change(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
	close(p.wake)
	p.wake = make(chan struct{})
}

func (p *Proxy) serve() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.work.Go(func() { p.pass(c) })
	}
}

// pass serves one connection.
func (p *Proxy) pass(client net.Conn) {
	defer client.Close()
	if !p.keep(client, true) {
		return
	}
	defer p.forget(client)
	var target string
	p.change(func() { p.accepted++; target = p.target })
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	if !p.keep(server, false) {
		return
	}
	defer p.forget(server)
	var both sync.WaitGroup
	both.Go(func() { p.copy(server, client, &p.up) })
	both.Go(func() { p.copy(client, server, &p.down) })
	both.Wait()
}

// copy passes on what it reads until either side ends.
func (p *Proxy) copy(dst, src net.Conn, back *bool) {
	defer func() {
		_ = src.Close()
		if !p.isStranded(dst) {
			_ = dst.Close()
		}
	}()
	b := make([]byte, 64<<10)
	for {
		n, err := src.Read(b[:p.most(len(b))])
		if n > 0 && !p.hold(src, back) {
			return
		}
		if n > 0 {
			if _, err := dst.Write(b[:n]); err != nil && !p.isStranded(src) {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// most returns how much may be passed on at a time.
func (p *Proxy) most(n int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.slice > 0 {
		return min(n, p.slice)
	}
	return n
}

// hold waits for as long as what was read is to be held back, and reports whether src is still open then.
func (p *Proxy) hold(src net.Conn, back *bool) bool {
	p.mu.Lock()
	delay := p.delay
	p.mu.Unlock()
	if delay > 0 {
		<-time.After(delay)
	}
	for {
		p.mu.Lock()
		_, open := p.conns[src]
		held, wake := *back && open && !p.closed, p.wake
		p.mu.Unlock()
		if !held {
			return open
		}
		<-wake
	}
}

func (p *Proxy) keep(c net.Conn, client bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.refuse {
		return false
	}
	p.conns[c] = client
	return true
}

func (p *Proxy) forget(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
	delete(p.stranded, c)
}

func (p *Proxy) close() {
	_ = p.listener.Close()
	p.change(func() { p.closed = true })
	p.Cut()
	p.work.Wait()
}
