package consumer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/gochannels/channels/consumer/internal/transport"
	"github.com/gochannels/channels/layer"
)

// batch is how many layer messages are handled before a client's frame that
// waits has its turn.
const batch = 16

// wake is the mailbox's OnReady: it has the messages handled, unless somebody
// does so already.
func (s *session) wake() {
	if !s.retain() { // the mailbox's word may come late
		return
	}
	if s.running.CompareAndSwap(false, true) {
		s.h.runners.add(s)
		return
	}
	s.done()
}

// takeDue handles layer messages until none waits. It runs in a runner, which
// does not wait for the turn: a goroutine does, if another hook or handler has
// it.
func (s *session) takeDue() {
	for {
		if !s.tryEnter() {
			go s.takeLate()
			return
		}
		if !s.takeBatch() {
			break
		}
	}
	s.taken()
}

func (s *session) takeLate() {
	for more := true; more; {
		s.enter()
		more = s.takeBatch()
	}
	s.taken()
}

// taken is called when the mailbox was found empty, or of no interest.
func (s *session) taken() {
	defer s.done()
	s.running.Store(false)
	if s.mailbox.Pending() && !s.ended.Load() { // came after the last look
		s.wake()
	}
}

// takeBatch handles messages in the turn, which it gives back, and reports
// whether there may be more. active was raised before a message leaves the
// mailbox, so nothing is relayed past it.
func (s *session) takeBatch() (more bool) {
	returned := false
	s.batches.Store(s.h.clock.tick.Load())
	defer func() {
		s.batches.Store(0)
		s.leave()
		if !returned { // a handler called runtime.Goexit, and the connection was closed
			s.done()
		}
	}()
	for range batch {
		if s.ended.Load() {
			returned = true
			return false
		}
		if gap, ok := s.mailbox.TakeGap(); ok {
			s.handleGap(gap)
			continue
		}
		e, ok := s.mailbox.TryReceive()
		if !ok {
			returned = true
			return false
		}
		s.handleLayer(e)
	}
	returned = true
	return true
}

func (s *session) handleGap(gap layer.Gap) {
	s.count(gaps)
	g, ok := s.c.(gapper)
	if !ok {
		s.opts.Logger.Log(s.ctx, s.notices.gap.level(slog.LevelWarn), "consumer: the layer lost messages, and the consumer has no Gap hook",
			"consumer", fmt.Sprintf("%T", s.c), "cause", gap.Cause, "since", gap.Since)
		return
	}
	s.after(eventGap, false, s.guard(&eventGap, func() error { return g.Gap(s.ctx, gap) }))
}

// handleLayer runs the handler of a layer message, in the turn.
func (s *session) handleLayer(e layer.Envelope) {
	if s.h != nil && len(s.h.relays) > 0 {
		if r := s.h.relayOf(e); r != nil {
			s.relay(r)
			return
		}
	}
	h := s.plan.lookup(e.Type())
	if h == nil {
		s.after(cut(e.Type()), false, badMessage{fmt.Errorf("%w: %.60q", ErrNoHandler, e.Type())})
		return
	}
	if err := s.invoke(s.ctx, h, e); err != nil {
		s.after(h.event, false, err)
	}
}

// invoke is guard for a handler, without the cost of a closure. A message that
// is none for the handler does not count as handled.
func (s *session) invoke(ctx context.Context, h *handler, e layer.Envelope) (err error) {
	returned := false
	s.begin(&h.event)
	defer func() {
		if !returned {
			err = s.caught(h.event, recover())
		}
		if _, bad := err.(badMessage); !bad {
			s.count(handled)
		}
	}()
	err = h.call(s.c, ctx, e)
	returned = true
	return err
}

// handleClient runs what a client's message asks for, in the turn. m.Data is
// valid only during the call.
func (s *session) handleClient(m transport.Message) {
	s.count(received)
	if s.clientCtx == nil {
		s.clientCtx = context.WithValue(s.ctx, fromClientKey{}, true)
	}
	if s.plan.receives {
		s.count(handled)
		f := Frame{Binary: m.Binary, Data: bytes.Clone(m.Data)}
		s.after(eventReceive, true, s.guard(&eventReceive, func() error { return s.c.(receiver).Receive(s.clientCtx, f) }))
		return
	}
	if m.Binary {
		s.after(eventClient, true, badMessage{errors.New("a binary frame, and no Receive hook")})
		return
	}
	e, err := layer.ParseJSON(bytes.Clone(m.Data)) // messages and envelopes share the bytes
	if err != nil {
		s.after(eventClient, true, badMessage{err})
		return
	}
	if h := s.plan.lookup(e.Type()); h != nil && h.fromClient {
		if err := s.invoke(s.clientCtx, h, e); err != nil {
			s.after(h.event, true, err)
		}
		return
	}
	msg, err := e.Message()
	if err != nil {
		s.after(eventClient, true, badMessage{err})
		return
	}
	s.count(handled)
	s.after(eventReceiveJSON, true, s.guard(&eventReceiveJSON, func() error { return s.c.ReceiveJSON(s.clientCtx, msg) }))
}
