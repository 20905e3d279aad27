package layertest

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/gochannels/channels/layer"
)

// Serve is what TestMain begins with, so that [StartProcess] and [RunTwo] find a second process in the test binary. In
// any other process it returns at once. There it opens layers by open, which must be safe for concurrent use, makes
// the calls that it is told to make, closes the layers when it is told no more, and ends the process.
func Serve(open func(config string, o Options) (layer.ChannelLayer, error)) {
	if os.Getenv(serveVariable) == "" {
		return
	}
	out := os.Stdout
	os.Stdout = os.Stderr // what else is printed must not come between the answers
	s := newServer(out, open)
	s.serve(os.Stdin)
	if err := s.close(); err != nil {
		fmt.Fprintln(os.Stderr, "layertest: the second process:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// server makes the calls in the second process.
type server struct {
	open func(config string, o Options) (layer.ChannelLayer, error)
	ctx  context.Context //nolint:containedctx // ends with serve
	stop context.CancelFunc
	work sync.WaitGroup

	write   sync.Mutex
	answers *gob.Encoder

	mu      sync.Mutex
	layers  map[int]layer.ChannelLayer
	boxes   map[int]*box
	cancels map[int]context.CancelFunc
}

// box is a mailbox whose messages are brought to the first process.
type box struct {
	*layer.Mailbox
	closed chan struct{}
}

func newServer(out io.Writer, open func(string, Options) (layer.ChannelLayer, error)) *server {
	s := &server{
		open: open, answers: gob.NewEncoder(out), layers: make(map[int]layer.ChannelLayer),
		boxes: make(map[int]*box), cancels: make(map[int]context.CancelFunc),
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s
}

// serve makes calls, each in a goroutine of its own, until there are no more requests, and waits for them.
func (s *server) serve(in io.Reader) {
	s.answer(answer{Name: greeting})
	for requests := gob.NewDecoder(in); ; {
		var q request
		if requests.Decode(&q) != nil {
			break
		}
		ctx, cancel := context.WithCancel(s.ctx)
		s.mu.Lock()
		if q.Verb == verbCancel && s.cancels[q.Target] != nil {
			s.cancels[q.Target]()
		}
		s.cancels[q.ID] = cancel
		s.mu.Unlock()
		s.work.Go(func() {
			s.carryOut(ctx, q)
			cancel()
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.cancels, q.ID)
		})
	}
	s.stop()
	s.work.Wait()
}

// close closes the layers after serve has returned.
func (s *server) close() error {
	var errs []error
	for _, l := range s.layers {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

func (s *server) answer(a answer) {
	s.write.Lock()
	defer s.write.Unlock()
	_ = s.answers.Encode(a) // nobody may be there any more
}

func (s *server) carryOut(ctx context.Context, q request) {
	s.mu.Lock()
	l := s.layers[q.Layer]
	s.mu.Unlock()
	a := answer{ID: q.ID}
	var err error
	switch q.Verb {
	case verbOpen:
		if l, err = s.open(q.Name, q.Options); err == nil {
			s.mu.Lock()
			s.layers[q.ID] = l
			s.mu.Unlock()
		}
	case verbClose:
		err = l.Close()
	case verbNewChannel:
		s.newChannel(ctx, l, a)
		return
	case verbCloseChannel:
		s.closeChannel(q.Target)
	case verbSend, verbGroupSend:
		err = sendHere(ctx, l, q)
	case verbGroupAdd:
		err = l.GroupAdd(ctx, q.Group, q.Name)
	case verbGroupDiscard:
		err = l.GroupDiscard(ctx, q.Group, q.Name)
	case verbReceive:
		var e layer.Envelope
		if e, err = layer.Receive(ctx, l, q.Name); err == nil {
			a.Message, err = e.Msgpack()
		}
	case verbFlush:
		err = layer.Flush(ctx, l)
	case verbStats:
		if c, ok := l.(layer.Counted); ok {
			a.Stats = c.Stats()
		}
	case verbCancel:
	}
	a.Fault = newFault(err)
	s.answer(a)
}

func sendHere(ctx context.Context, l layer.ChannelLayer, q request) error {
	e, err := layer.ParseMsgpack(q.Message)
	if err != nil {
		return err
	}
	msg, err := e.Message()
	if err != nil {
		return err
	}
	if q.Verb == verbSend {
		return l.Send(ctx, q.Name, msg)
	}
	return l.GroupSend(ctx, q.Name, msg)
}

// newChannel answers before anything that the mailbox receives is brought.
func (s *server) newChannel(ctx context.Context, l layer.ChannelLayer, a answer) {
	m, err := l.NewChannel(ctx)
	if err == nil && m == nil {
		err = errors.New("NewChannel returned no mailbox and no error")
	}
	if err != nil {
		a.Fault = newFault(err)
		s.answer(a)
		return
	}
	b := &box{m, make(chan struct{})}
	a.Name = m.Channel()
	s.mu.Lock()
	s.boxes[a.ID] = b
	s.mu.Unlock()
	s.answer(a)
	wake := make(chan struct{}, 1)
	m.OnReady(func() {
		select {
		case wake <- struct{}{}:
		default:
		}
	})
	s.work.Go(func() {
		for {
			select {
			case <-wake:
				s.bring(a.ID, m)
			case <-b.closed:
				return
			case <-s.ctx.Done():
				return
			}
		}
	})
}

// bring brings all that the mailbox holds.
func (s *server) bring(id int, m *layer.Mailbox) {
	if g, ok := m.TakeGap(); ok {
		s.answer(answer{Box: id, Gap: &g})
	}
	for e, ok := m.TryReceive(); ok; e, ok = m.TryReceive() {
		if b, err := e.Msgpack(); err == nil {
			s.answer(answer{Box: id, Message: b})
		}
	}
}

func (s *server) closeChannel(id int) {
	s.mu.Lock()
	b := s.boxes[id]
	delete(s.boxes, id)
	s.mu.Unlock()
	if b != nil {
		b.Close()
		close(b.closed)
	}
}
