package consumer

import (
	"bytes"
	"sync"
	"sync/atomic"

	"github.com/gochannels/channels/consumer/internal/transport"
)

// reading is the state of a connection's reader. The reader handles the
// client's messages itself, so an idle connection has one goroutine. When a
// handler keeps it for long, a relief takes over at the socket, so that pings
// are answered and the client's leaving is noticed; it hands messages to the
// busy reader, and is the reader once that has no more of them.
type reading struct {
	busy   atomic.Int64 // 0: at the socket; relieved; else the clock's tick when a message, or the connection, came
	opened int64        // the clock's tick when the connection was accepted
	ahead  *ahead       // set before busy becomes relieved
	full   atomic.Bool  // the relief waits for room, so nobody is at the socket
	worn   atomic.Bool  // the reader has handled a message, so its stack may have grown
}

// relieved is a value of busy, beside 0 and the clock's ticks, which begin at 1.
const relieved = -1

// ahead holds the messages that the relief read, up to a limit of bytes.
type ahead struct {
	since int64 // when the busy reader got its message, by the clock's ticks
	mu    sync.Mutex
	msgs  []transport.Message
	bytes int
	idle  bool          // the busy reader is done
	room  chan struct{} // told when a message was taken
}

// read is the connection's goroutine.
func (s *session) read() {
	defer s.done()
	s.readOn()
}

func (s *session) readOn() {
	conn := s.conn.Load()
	for {
		m, err := conn.Read()
		if err == transport.ErrRest {
			s.retain()
			go s.read()
			return
		}
		if err != nil || !s.serve(m) { // after an error Ended has been called
			return
		}
	}
}

// serve handles one message, and reports whether the caller is still the
// reader.
func (s *session) serve(m transport.Message) bool {
	tick := s.h.clock.tick.Load()
	s.busy.Store(tick)
	returned := false
	defer func() {
		if !returned {
			s.unwound(tick)
		}
	}()
	s.inTurn(m)
	returned = true
	if !s.worn.Load() {
		s.worn.Store(true)
	}
	if s.busy.CompareAndSwap(tick, 0) {
		return true
	}
	s.catchUp()
	return false
}

// catchUp handles what the relief has read, until there is none of it left.
func (s *session) catchUp() {
	returned := false
	defer func() {
		if !returned {
			s.catchUpElsewhere()
		}
	}()
	for {
		m, ok := s.ahead.take()
		if !ok {
			returned = true
			return
		}
		s.inTurn(m)
	}
}

// catchUpElsewhere goes on for a goroutine that a handler ended with
// runtime.Goexit. The connection was closed then: what is left is counted.
func (s *session) catchUpElsewhere() {
	if s.retain() {
		go func() {
			defer s.done()
			s.catchUp()
		}()
	}
}

func (s *session) inTurn(m transport.Message) {
	s.enter()
	defer s.leave()
	if s.ended.Load() {
		s.count(dropClosed)
		return
	}
	s.handleClient(m)
}

// unwound lets somebody read to the end when a handler ended the reader's
// goroutine with runtime.Goexit; the connection was closed then.
func (s *session) unwound(tick int64) {
	if !s.busy.CompareAndSwap(tick, 0) {
		s.catchUpElsewhere()
	} else if s.retain() {
		go s.read()
	}
}

// away reports whether nobody is at the socket, so that the client's silence
// means nothing.
func (s *session) away() bool {
	switch s.busy.Load() {
	case 0:
		return false
	case relieved:
		return s.full.Load()
	}
	return true
}

// servesSince returns the tick since which client messages, or Connect, have had
// or awaited the turn, or 0. The clock alone calls it.
func (s *session) servesSince() int64 {
	began := s.busy.Load()
	if began != relieved {
		return began
	}
	s.ahead.mu.Lock()
	defer s.ahead.mu.Unlock()
	if s.ahead.idle {
		return 0
	}
	return s.ahead.since
}

// waits reports whether messages wait for the turn. The clock alone calls it.
func (s *session) waits() bool {
	if s.active.Load() > 1 || s.mailbox != nil && s.mailbox.Pending() {
		return true
	}
	if s.busy.Load() != relieved {
		return false
	}
	s.ahead.mu.Lock()
	defer s.ahead.mu.Unlock()
	return len(s.ahead.msgs) > 0
}

// relieve starts a relief if the reader has been busy since before tick. The
// clock alone calls it.
func (s *session) relieve(tick int64) {
	began := s.busy.Load()
	if began <= 0 || began >= tick || !s.retain() {
		return
	}
	s.ahead = &ahead{since: began, room: make(chan struct{}, 1)}
	if !s.busy.CompareAndSwap(began, relieved) {
		s.done()
		return
	}
	go s.readAhead(s.ahead)
}

// readAhead is the relief.
func (s *session) readAhead(q *ahead) {
	defer s.done()
	conn := s.conn.Load()
	conn.Detach()
	for {
		m, err := conn.Read()
		if err == transport.ErrRest {
			continue
		}
		if err != nil {
			return
		}
		if !s.put(q, m) {
			if s.serve(m) {
				s.readOn()
			}
			return
		}
	}
}

// put hands m to the busy reader, waiting for room. It reports false when
// there is none any more, and the caller is the reader.
func (s *session) put(q *ahead, m transport.Message) bool {
	for {
		q.mu.Lock()
		if q.idle {
			q.mu.Unlock()
			return false
		}
		if len(q.msgs) == 0 || q.bytes+len(m.Data) <= int(s.opts.ReadLimit) {
			m.Data = bytes.Clone(m.Data)
			q.msgs = append(q.msgs, m)
			q.bytes += len(m.Data) + messageCost
			q.mu.Unlock()
			return true
		}
		q.mu.Unlock()
		s.full.Store(true)
		select {
		case <-q.room:
			s.full.Store(false)
		case <-s.ctx.Done():
			s.count(dropClosed) // nothing is handled after the end
			return true
		}
	}
}

// messageCost bounds the number of empty messages.
const messageCost = 64

// take returns the next message, or marks the busy reader as done.
func (q *ahead) take() (transport.Message, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.msgs) == 0 {
		q.idle = true
		select {
		case q.room <- struct{}{}:
		default:
		}
		return transport.Message{}, false
	}
	m := q.msgs[0]
	q.msgs = q.msgs[1:]
	q.bytes -= len(m.Data) + messageCost
	select {
	case q.room <- struct{}{}:
	default:
	}
	return m, true
}
