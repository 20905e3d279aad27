package consumer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/gochannels/channels/consumer/internal/transport"
	"github.com/gochannels/channels/layer"
)

// errQueueFull is what sending returns when SlowDrop dropped the frame.
var errQueueFull = fmt.Errorf("consumer: the client's queue is full, frame dropped: %w", layer.ErrFull)

func (s *session) sendJSON(ctx context.Context, v any) error {
	conn, err := s.sendable(ctx)
	if err != nil {
		return err
	}
	f, err := s.frameOf(v)
	if err != nil {
		return fmt.Errorf("consumer: SendJSON: %w", err)
	}
	return s.queue(conn, f)
}

// frameOf frames v as JSON. What a layer message leads to may be the same for other
// clients, and all else is sent to this one only.
func (s *session) frameOf(v any) (*transport.Frame, error) {
	shared := s.batches.Load() != 0
	e, ok := v.(layer.Envelope)
	switch {
	case ok && e.IsZero():
		return nil, errors.New("the envelope is empty")
	case ok && shared:
		return jsonFrame(e)
	case shared:
		return transport.BuildFrame(false, 128, func(b []byte) ([]byte, error) { return appendJSON(b, v) })
	}
	return transport.BuildOnce(false, func(b []byte) ([]byte, error) { return appendJSON(b, v) })
}

func appendJSON(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case layer.Envelope, Message, map[string]any:
		return layer.AppendJSON(b, v)
	}
	buf := bytes.NewBuffer(b)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	b = bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
	if !utf8.Valid(b) { // the encoder takes what a json.Marshaler wrote as it is
		return nil, errors.New("the JSON is not UTF-8")
	}
	return b, nil
}

func (s *session) send(ctx context.Context, f Frame) error {
	conn, err := s.sendable(ctx)
	if err != nil {
		return err
	}
	if !f.Binary && !utf8.Valid(f.Data) {
		return errors.New("consumer: Send: a text frame's data is not UTF-8")
	}
	frame, _ := transport.BuildOnce(f.Binary, func(b []byte) ([]byte, error) { return append(b, f.Data...), nil })
	return s.queue(conn, frame)
}

// sendable returns the connection if it is open.
func (s *session) sendable(ctx context.Context) (*transport.Conn, error) {
	conn := s.conn.Load()
	if conn == nil {
		if s.h == nil || s.ended.Load() {
			return nil, ErrNotConnected
		}
		return nil, ErrNotAccepted
	}
	if e := conn.End(); e != nil {
		s.count(dropClosed)
		return nil, closeError(e)
	}
	return conn, ctx.Err()
}

// queue sends f: at once what the client or the program's own goroutines asked
// for, and joined with what else is due what layer messages led to.
func (s *session) queue(conn *transport.Conn, f *transport.Frame) error {
	return s.queued(conn.Send(f, s.batches.Load() == 0), conn)
}

// queued counts what became of a frame.
func (s *session) queued(err error, conn *transport.Conn) error {
	switch {
	case err == nil:
		s.count(framesSent)
		return nil
	case errors.Is(err, transport.ErrSlow):
		s.count(dropSlow)
		return ErrSlowClient
	case errors.Is(err, transport.ErrDropped):
		s.count(dropSlow)
		return errQueueFull
	}
	s.count(dropClosed)
	if e := conn.End(); e != nil {
		return closeError(e)
	}
	return ErrNotConnected
}

// divert sends a layer message on if its type is relayed and nothing that came
// before it is still being handled. It runs in the sender's goroutine.
func (s *session) divert(e layer.Envelope) bool {
	r := s.h.relayOf(e)
	if r == nil || s.active.Load() != 0 {
		return false
	}
	s.relay(r)
	return true
}

func (s *session) relay(r *relayed) {
	if r.frame == nil {
		s.count(dropUndecodable)
		return
	}
	conn := s.conn.Load()
	if s.queued(conn.Send(r.frame, false), conn) == nil {
		s.count(relaysSent)
	}
}
