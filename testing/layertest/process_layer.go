package layertest

import (
	"context"
	"time"

	"github.com/gochannels/channels/layer"
)

// remote is a layer in the second process. Its ID is that of the request that opened it.
type remote struct {
	process *Process
	id      int
}

var _ interface {
	layer.ChannelLayer
	layer.Listener
	layer.Flusher
	layer.Counted
} = (*remote)(nil)

func (l *remote) do(ctx context.Context, q request) (answer, error) {
	q.Layer = l.id
	return l.process.call(ctx, q, nil)
}

// NewChannel opens a channel there and a mailbox here, which is known before anything that it is to hold is read.
func (l *remote) NewChannel(ctx context.Context) (*layer.Mailbox, error) {
	var m *layer.Mailbox
	p := l.process
	_, err := p.call(ctx, request{Verb: verbNewChannel, Layer: l.id}, func(a answer) {
		if a.Fault != nil {
			return
		}
		id := a.ID
		m = layer.NewMailbox(a.Name, &layer.MailboxOptions{
			Capacity: 1 << 30,
			Expiry:   24 * time.Hour,
			OnClose: func(*layer.Mailbox) {
				_, _ = p.call(context.Background(), request{Verb: verbCloseChannel, Target: id}, nil)
				p.mu.Lock()
				defer p.mu.Unlock()
				delete(p.boxes, id)
			},
		})
		p.mu.Lock()
		defer p.mu.Unlock()
		p.boxes[id] = m
	})
	return m, err
}

func (l *remote) Send(ctx context.Context, channel string, msg layer.Message) error {
	return l.send(ctx, request{Verb: verbSend, Name: channel}, msg)
}

func (l *remote) GroupSend(ctx context.Context, group string, msg layer.Message) error {
	return l.send(ctx, request{Verb: verbGroupSend, Name: group}, msg)
}

func (l *remote) send(ctx context.Context, q request, msg layer.Message) error {
	e, err := layer.Encode(msg)
	if err != nil {
		return err
	}
	if q.Message, err = e.Msgpack(); err != nil {
		return err
	}
	_, err = l.do(ctx, q)
	return err
}

func (l *remote) GroupAdd(ctx context.Context, group, channel string) error {
	_, err := l.do(ctx, request{Verb: verbGroupAdd, Group: group, Name: channel})
	return err
}

func (l *remote) GroupDiscard(ctx context.Context, group, channel string) error {
	_, err := l.do(ctx, request{Verb: verbGroupDiscard, Group: group, Name: channel})
	return err
}

func (l *remote) Receive(ctx context.Context, channel string) (layer.Envelope, error) {
	a, err := l.do(ctx, request{Verb: verbReceive, Name: channel})
	if err != nil {
		return layer.Envelope{}, err
	}
	return layer.ParseMsgpack(a.Message)
}

func (l *remote) Flush(ctx context.Context) error {
	_, err := l.do(ctx, request{Verb: verbFlush})
	return err
}

func (l *remote) Stats() layer.Stats {
	a, _ := l.do(context.Background(), request{Verb: verbStats})
	return a.Stats
}

func (l *remote) Close() error {
	_, err := l.do(context.Background(), request{Verb: verbClose})
	return err
}
