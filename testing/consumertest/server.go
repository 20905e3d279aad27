package consumertest

import (
	"context"
	"log"
	"net"
	"net/http"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// labelKey marks, in goroutine profiles, the goroutines a connection began.
const labelKey = "consumertest"

// server is an http.Server for one in-memory connection, and knows how far
// whoever handles that connection is from its end.
type server struct {
	http     http.Server
	listener *listener
	conn     *serverConn
	label    string

	entered  atomic.Bool   // the app was called
	returned chan struct{} // it has returned
	stopped  chan struct{} // Serve has returned
	log      *testLog
}

// newServer serves app on the returned client's end of a connection.
func newServer(t testing.TB, app http.Handler, label string) (*server, net.Conn) {
	clientAddr := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 50000}
	serverAddr := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 2), Port: 80}
	clientEnd, serverEnd := newPipe(clientAddr, serverAddr)
	s := &server{
		conn:     &serverConn{end: serverEnd, closed: make(chan struct{}), watch: watch{Addr: serverAddr, done: make(chan struct{})}},
		label:    label,
		returned: make(chan struct{}),
		stopped:  make(chan struct{}),
		log:      &testLog{t: t},
	}
	s.listener = newListener(serverAddr, s.conn)
	s.http.ErrorLog = log.New(s.log, "", 0)
	s.http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.entered.Store(true)
		defer close(s.returned)
		ctx := pprof.WithLabels(r.Context(), pprof.Labels(labelKey, label))
		pprof.SetGoroutineLabels(ctx)
		app.ServeHTTP(w, r.WithContext(ctx))
	})
	go func() {
		defer close(s.stopped)
		_ = s.http.Serve(s.listener) // http.ErrServerClosed
	}()
	return s, clientEnd
}

// wait returns "" when the connection has been closed, the handler has
// returned and the consumer, if it is one, has ended; or, when ctx is done
// first, which of them has not.
func (s *server) wait(ctx context.Context) string {
	select {
	case <-s.conn.closed:
	case <-ctx.Done():
		return "the handler has not closed the connection"
	}
	if s.entered.Load() {
		select {
		case <-s.returned:
		case <-ctx.Done():
			return "ServeHTTP has not returned"
		}
	}
	if s.conn.watch.consumer.Load() {
		select {
		case <-s.conn.watch.done:
		case <-ctx.Done():
			return "the consumer has not ended: a handler or its Disconnect still runs"
		}
	}
	return ""
}

// stop ends the server, and its use of the test's log.
func (s *server) stop() {
	_ = s.http.Close()
	<-s.stopped
	s.log.stop()
}

// goroutines describes those the connection began and that still run.
func (s *server) goroutines() string {
	var profile strings.Builder
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		return err.Error()
	}
	var found []string
	for stack := range strings.SplitSeq(profile.String(), "\n\n") {
		if strings.Contains(stack, strconv.Quote(s.label)) {
			found = append(found, stack)
		}
	}
	return strings.Join(found, "\n\n")
}

// serverConn is the server's end.
type serverConn struct {
	*end
	closeOnce sync.Once
	closed    chan struct{}
	watch     watch
}

// LocalAddr returns an address that watches.
func (c *serverConn) LocalAddr() net.Addr { return &c.watch }

// watch is the server's address. A consumer's session finds its other two methods
// by assertion, so that the communicator can wait for what happens after the
// socket is closed: middleware that wraps the connection passes its address on.
type watch struct {
	net.Addr
	consumer atomic.Bool
	doneOnce sync.Once
	done     chan struct{}
}

// ConsumerStarted is called when the connection has become a consumer's.
func (w *watch) ConsumerStarted() { w.consumer.Store(true) }

// ConsumerDone is called when that consumer's Disconnect has returned and its
// goroutines have ended.
func (w *watch) ConsumerDone() {
	w.consumer.Store(true)
	w.doneOnce.Do(func() { close(w.done) })
}

func (c *serverConn) Close() error {
	err := c.end.Close()
	c.closeOnce.Do(func() { close(c.closed) })
	return err
}

// listener accepts one connection.
type listener struct {
	addr  net.Addr
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newListener(addr net.Addr, conn net.Conn) *listener {
	l := &listener{addr: addr, conns: make(chan net.Conn, 1), done: make(chan struct{})}
	l.conns <- conn
	return l
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *listener) Addr() net.Addr { return l.addr }

// testLog passes net/http's log on to the test while that runs.
type testLog struct {
	mu      sync.Mutex
	t       testing.TB
	stopped bool
}

func (l *testLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.stopped {
		l.t.Logf("consumertest: %s", strings.TrimSpace(string(b)))
	}
	return len(b), nil
}

func (l *testLog) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = true
}
