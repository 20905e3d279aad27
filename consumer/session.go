package consumer

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gochannels/channels/consumer/internal/transport"
	"github.com/gochannels/channels/layer"
)

// What the hooks' events are called. Variables, as their addresses are stored.
var (
	eventConnect     = "connect"
	eventReceive     = "receive"
	eventReceiveJSON = "receive.json"
	eventDisconnect  = "disconnect"
	eventGap         = "gap"
	eventClient      = "client"
	eventKeep        = "keep"
)

// session ties a consumer to what it serves: a connection, or a worker's slot.
type session struct {
	h       *Handler // nil in a worker
	plan    *plan
	opts    *Options
	counts  *stripe
	notices *notices
	c       Consumer
	scope   *Scope
	layer   layer.ChannelLayer
	channel string
	mailbox *layer.Mailbox

	ctx       *connContext
	cancel    context.CancelCauseFunc
	clientCtx context.Context // of a client's messages; made by the first

	conn atomic.Pointer[transport.Conn] // nil before Accept
	turn chan struct{}                  // holds one entry while a hook or handler runs
	now  atomic.Pointer[string]         // the event that has the turn

	active  atomic.Int32 // who has the turn or waits for it; above 0 nothing is relayed
	running atomic.Bool  // a runner, or a goroutine, takes messages from the mailbox or will
	batches atomic.Int64 // the clock's tick since when layer messages have the turn: what is sent goes out together; else 0
	ended   atomic.Bool
	refs    atomic.Int32 // goroutines that serve the connection, and its Disconnect

	reading
	alive

	mu sync.Mutex // of mailbox until Connect has returned, and of hs
	hs *handshake // while Connect runs
}

func (s *session) count(c counter) { s.counts.add(c) }

// Ended implements transport.Owner: at once and without waiting the context is
// cancelled and all groups are left. Disconnect runs when the turn is free.
func (s *session) Ended(e *transport.EndError) {
	s.ended.Store(true)
	s.count(closedBy(e.Cause))
	s.release(closeError(e))
	if !s.plan.ends && s.tryEnter() { // nothing to run, and nothing runs
		s.count(disconnected)
		s.leave()
		s.done()
		return
	}
	go s.finish(StatusCode(e.Code))
}

// release cancels the context and leaves the layer.
func (s *session) release(cause error) {
	s.cancel(cause)
	s.mu.Lock()
	m := s.mailbox
	s.mu.Unlock()
	if m != nil {
		m.Close()
	}
}

func closeError(e *transport.EndError) error {
	c := &CloseError{Code: StatusCode(e.Code), Reason: e.Reason}
	if e.Err != nil {
		return fmt.Errorf("%w: %w", c, e.Err)
	}
	return c
}

// finish runs Disconnect and ends the session's own part in the connection.
func (s *session) finish(code StatusCode) {
	defer s.done()
	s.awaitTurn()
	defer s.leave()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), s.opts.DisconnectTimeout)
	defer cancel()
	defer s.count(disconnected)
	s.after(eventDisconnect, false, s.guard(&eventDisconnect, func() error { return s.c.Disconnect(ctx, code) }))
}

// awaitTurn takes the turn after the end, telling of a handler that keeps it.
func (s *session) awaitTurn() {
	if s.tryEnter() {
		return
	}
	s.active.Add(1)
	timer := time.NewTimer(s.opts.HandlerTimeout)
	defer timer.Stop()
	select {
	case s.turn <- struct{}{}:
		return
	case <-timer.C:
	}
	s.count(stuck)
	s.opts.Logger.Error("consumer: a handler still runs after its connection ended",
		"consumer", fmt.Sprintf("%T", s.c), "event", s.event(), "after", s.opts.HandlerTimeout)
	s.turn <- struct{}{}
}

// enter waits for the turn and takes it; leave gives it back.
func (s *session) enter() {
	s.active.Add(1)
	s.turn <- struct{}{}
}

// tryEnter takes the turn if nobody has it.
func (s *session) tryEnter() bool {
	s.active.Add(1)
	select {
	case s.turn <- struct{}{}:
		return true
	default:
		s.active.Add(-1)
		return false
	}
}

func (s *session) leave() {
	<-s.turn
	s.active.Add(-1)
}

// retain counts a goroutine that serves the connection; done ends its part. It
// reports false when all parts have ended.
func (s *session) retain() bool {
	for {
		n := s.refs.Load()
		if n == 0 {
			return false
		}
		if s.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (s *session) done() {
	if s.refs.Add(-1) == 0 {
		s.h.remove(s)
		if w, ok := s.conn.Load().NetConn().LocalAddr().(watcher); ok {
			w.ConsumerDone()
		}
	}
}

// watcher is the address of a test's connection, which wants to know when
// nothing of the consumer runs any more. Middleware may wrap the connection, but
// the address is passed on.
type watcher interface {
	ConsumerStarted()
	ConsumerDone()
}

// guard runs f in the turn and turns a panic into an error. After a
// runtime.Goexit, which ends the goroutine, the connection is closed here.
func (s *session) guard(event *string, f func() error) (err error) {
	returned := false
	s.begin(event)
	defer func() {
		if !returned {
			err = s.caught(*event, recover())
		}
	}()
	err = f()
	returned = true
	return err
}

// event returns who has or had the turn.
func (s *session) event() string {
	if p := s.now.Load(); p != nil {
		return *p
	}
	return ""
}

// begin notes who has the turn. Mostly it is the event of the time before, and
// a load is cheaper than a store.
func (s *session) begin(event *string) {
	if s.now.Load() != event {
		s.now.Store(event)
	}
}

func (s *session) caught(event string, value any) error {
	err := &PanicError{Value: value, Stack: debug.Stack()}
	if value == nil { // whoever would act on the error does not run any more
		err.Value = "runtime.Goexit"
		s.judge(event, false, err)
		s.closeConn(StatusInternalError, "")
	}
	return err
}

// after does what an event's error asks for.
func (s *session) after(event string, fromClient bool, err error) {
	if err = s.judge(event, fromClient, err); err != nil {
		s.act(err)
	}
}

// act closes the connection as a judged error asks for.
func (s *session) act(err error) {
	var c *CloseError
	switch {
	case errors.As(err, &c) && checkCode(c.Code) == nil:
		s.closeConn(c.Code, c.Reason)
	case errors.Is(err, ErrStop):
		s.closeConn(StatusNormalClosure, "")
	default:
		s.closeConn(StatusInternalError, "")
	}
}

func (s *session) countBad(err error) {
	if errors.Is(err, ErrNoHandler) {
		s.count(dropUnknown)
	} else {
		s.count(dropUndecodable)
	}
}

func (s *session) subprotocol() string {
	if conn := s.conn.Load(); conn != nil {
		return conn.Subprotocol()
	}
	return ""
}

func (s *session) closeConn(code StatusCode, reason string) {
	if conn := s.conn.Load(); conn != nil {
		conn.Close(int(code), reason)
	}
}

// bind gives c its session. It fails for a value that has one: a factory must
// make a new value for each connection.
func (s *session) bind(c Consumer) error {
	if c == nil {
		return errors.New("the factory returned nil")
	}
	b := c.embedConsumerBase()
	if b == nil {
		return errors.New("the consumer's Base is a nil pointer: embed consumer.Base by value")
	}
	if !b.p.CompareAndSwap(nil, s) {
		return errors.New("the factory returned a value that serves a connection already")
	}
	s.c = c
	return nil
}

// newSession makes a session without a consumer.
func newSession(p *plan, opts *Options, counts *stripe, n *notices, values context.Context) *session {
	s := &session{plan: p, opts: opts, counts: counts, notices: n, layer: opts.Layer, turn: make(chan struct{}, 1)}
	inner, cancel := context.WithCancelCause(context.Background())
	s.ctx = &connContext{Context: inner}
	s.ctx.values.Store(&valueSource{ctx: values})
	s.cancel = cancel
	return s
}
