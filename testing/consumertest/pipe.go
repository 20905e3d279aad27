package consumertest

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// newPipe returns the two ends of a connection held in memory. Unlike
// net.Pipe's, its writes never wait for the reader. Every wait is on a
// sync.Cond, so that time goes on in a synctest bubble while one blocks.
func newPipe(client, server net.Addr) (clientEnd, serverEnd *end) {
	up, down := newStream(), newStream()
	clientEnd = &end{in: down, out: up, local: client, remote: server}
	serverEnd = &end{in: up, out: down, local: server, remote: client}
	return clientEnd, serverEnd
}

// end is one end of a pipe.
type end struct {
	in, out       *stream
	local, remote net.Addr
}

func (e *end) Read(b []byte) (int, error)  { return e.in.read(b) }
func (e *end) Write(b []byte) (int, error) { return e.out.write(b) }
func (e *end) LocalAddr() net.Addr         { return e.local }
func (e *end) RemoteAddr() net.Addr        { return e.remote }

// Close ends both directions: the peer reads what was written before, then
// io.EOF, and its writes fail.
func (e *end) Close() error {
	e.out.closeWrite()
	e.in.closeRead()
	return nil
}

// CloseWrite ends one direction: the peer reads what was written before, then
// io.EOF.
func (e *end) CloseWrite() error {
	e.out.closeWrite()
	return nil
}

func (e *end) SetDeadline(t time.Time) error {
	e.in.setReadDeadline(t)
	e.out.setWriteDeadline(t)
	return nil
}

func (e *end) SetReadDeadline(t time.Time) error {
	e.in.setReadDeadline(t)
	return nil
}

func (e *end) SetWriteDeadline(t time.Time) error {
	e.out.setWriteDeadline(t)
	return nil
}

// stream is one direction of a pipe: bytes written and not yet read.
type stream struct {
	mu   sync.Mutex
	cond *sync.Cond
	buf  []byte
	off  int // where the unread bytes of buf begin

	writeClosed, readClosed bool

	writeDeadline time.Time
	readTimer     *time.Timer
	readExpired   bool
	readDeadlines int // counts deadlines set, so that a late timer knows it is stale
}

func newStream() *stream {
	s := new(stream)
	s.cond = sync.NewCond(&s.mu)
	return s
}

func (s *stream) read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.readClosed:
			return 0, net.ErrClosed
		case s.readExpired:
			return 0, os.ErrDeadlineExceeded
		case s.off < len(s.buf):
			n := copy(b, s.buf[s.off:])
			s.off += n
			if s.off == len(s.buf) {
				s.buf, s.off = s.buf[:0], 0
			}
			return n, nil
		case s.writeClosed:
			return 0, io.EOF
		case len(b) == 0:
			return 0, nil
		}
		s.cond.Wait()
	}
}

func (s *stream) write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.writeClosed:
		return 0, net.ErrClosed
	case !s.writeDeadline.IsZero() && !time.Now().Before(s.writeDeadline):
		return 0, os.ErrDeadlineExceeded
	case s.readClosed:
		return 0, io.ErrClosedPipe
	}
	if s.off > len(s.buf)/2 {
		s.buf = s.buf[:copy(s.buf, s.buf[s.off:])]
		s.off = 0
	}
	s.buf = append(s.buf, b...)
	s.cond.Broadcast()
	return len(b), nil
}

func (s *stream) closeWrite() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writeClosed = true
	s.cond.Broadcast()
}

func (s *stream) closeRead() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readClosed = true
	s.buf, s.off = nil, 0
	s.stopReadTimer()
	s.cond.Broadcast()
}

func (s *stream) setWriteDeadline(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writeDeadline = t
}

func (s *stream) setReadDeadline(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopReadTimer()
	s.readExpired = false
	if t.IsZero() || s.readClosed {
		return
	}
	d := time.Until(t)
	if d <= 0 {
		s.readExpired = true
		s.cond.Broadcast()
		return
	}
	mine := s.readDeadlines
	s.readTimer = time.AfterFunc(d, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.readDeadlines == mine {
			s.readExpired = true
			s.cond.Broadcast()
		}
	})
}

func (s *stream) stopReadTimer() {
	s.readDeadlines++
	if s.readTimer != nil {
		s.readTimer.Stop()
		s.readTimer = nil
	}
}
