package redislayer

import (
	"context"
	"strings"

	"github.com/gochannels/channels/layer"
)

// Flush deletes all keys that begin with the prefix, as Python's flush does, and forgets all memberships and queued
// messages of this process, which count as [layer.DropClosed]. What other Go processes' channels are in is asserted by
// them again. Each of its steps, of which there is one for some 500 keys, is bounded by CallTimeout.
func (l *Core) Flush(ctx context.Context) error {
	if err := l.begin(ctx); err != nil {
		return err
	}
	members := l.channels.all()
	for _, m := range members {
		for _, g := range m.Groups() {
			l.registry.Discard(g, m)
		}
	}
	if err := l.settle(ctx); err != nil {
		return err
	}
	for _, s := range l.shards {
		if err := l.flushShard(ctx, s); err != nil {
			return err
		}
	}
	if err := l.fence(ctx); err != nil {
		return err
	}
	l.leavers.forget()
	for _, m := range members {
		m.Value().Flush()
	}
	return nil
}

// settle waits until the memberships have ended. There is a limit to that, as others may join and leave without end.
func (l *Core) settle(ctx context.Context) error {
	call, cancel := l.limit(ctx)
	defer cancel()
	if err := l.registry.Wait(call); ctx.Err() != nil {
		return err
	}
	return nil
}

// flushShard deletes the keys of one server.
func (l *Core) flushShard(ctx context.Context, s *coreShard) error {
	escape := strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`)
	pattern := escape.Replace(l.opts.Prefix) + "*"
	for cursor := uint64(0); ; {
		next, err := l.flushSome(ctx, s, pattern, cursor)
		if err != nil {
			return err
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

func (l *Core) flushSome(ctx context.Context, s *coreShard, pattern string, cursor uint64) (uint64, error) {
	ctx, cancel := l.limit(ctx)
	defer cancel()
	p, err := s.await(ctx)
	if err != nil {
		return 0, err
	}
	res, err := p.do(ctx, p.client.B().Scan().Cursor(cursor).Match(pattern).Count(500).Build())
	if err != nil {
		return 0, doubt(err)
	}
	found, err := res[0].AsScanEntry()
	if err != nil {
		return 0, doubt(err)
	}
	keys := found.Elements
	for len(keys) > 0 {
		n := min(len(keys), 500)
		if _, err := p.do(ctx, p.client.B().Del().Key(keys[:n]...).Build()); err != nil {
			return 0, doubt(err)
		}
		keys = keys[n:]
	}
	return found.Cursor, nil
}

// fence returns when every message that was taken out of our keys before has been delivered: it sends one that no other can
// overtake, and waits for it.
func (l *Core) fence(ctx context.Context) error {
	ctx, cancel := l.limit(ctx)
	defer cancel()
	e, err := layer.Encode(layer.Message{"type": "redislayer.fence"})
	if err != nil {
		return err
	}
	name := l.names.processes[0] + goMark + randomText(ownSize)
	passed := make(chan struct{})
	l.fences.Store(name, passed)
	defer l.fences.Delete(name)
	if _, err := l.send(ctx, name, e); err != nil {
		return err
	}
	select {
	case <-passed:
		return nil
	case <-l.done:
		return layer.ErrClosed
	case <-ctx.Done():
		return failure(context.Cause(ctx))
	}
}
