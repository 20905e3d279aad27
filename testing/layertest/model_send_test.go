package layertest_test

import (
	"context"
	"errors"
	"time"

	"github.com/gochannels/channels/layer"
)

// begin is what all calls begin with. It returns with the lock held, unless it fails.
func (l *model) begin(ctx context.Context, groupName, channelName string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := l.checkNames(groupName, channelName); err != nil {
		return err
	}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return layer.ErrClosed
	}
	l.sweep()
	return nil
}

func (l *model) Send(ctx context.Context, name string, msg layer.Message) error {
	e, encodeErr := l.encode(msg)
	if err := l.begin(ctx, "any", name); err != nil {
		if errors.Is(err, layer.ErrClosed) && l.defect == "Send after Close returns nil" {
			return nil
		}
		return err
	}
	defer l.mu.Unlock()
	if encodeErr != nil {
		return encodeErr
	}
	c := l.lookup(name)
	if c == nil && l.defect == "Send to an ended channel is an error" {
		return layer.ErrUnknownChannel
	}
	l.counters.Routed(1)
	if c == nil {
		if l.defect != "messages to nobody are not counted" {
			l.counters.Drop(layer.DropNoReceiver, 1)
		}
		l.counters.Sent()
		return nil
	}
	if l.defect == "Send leaves a key in the caller's map" {
		msg["channel"] = name
	}
	if c.named && l.defect == "named channels keep n and no other key" {
		e, _ = l.encode(layer.Message{"type": msg["type"], "n": msg["n"]})
	}
	err := l.deliverSend(c, e)
	if err == nil || l.defect == "refused messages count as sent" {
		l.counters.Sent()
	}
	return err
}

// deliverSend delivers a routed message. The lock is held, but may be given up meanwhile.
func (l *model) deliverSend(c *channel, e layer.Envelope) error {
	c.used = time.Now()
	c.sends++
	switch l.defect {
	case "a Send beside another is dropped":
		if c.busy {
			l.counters.Drop(layer.DropFull, 1)
			return nil
		}
		c.busy = true
		l.away(time.Microsecond)
		c.busy = false
		if c.named {
			c = l.lookup(c.Channel()) // it may have been forgotten meanwhile
		}
	case "each 150th message is sent twice":
		if c.sends%150 == 0 {
			l.counters.Routed(1)
			_ = c.Deliver(e)
		}
	case "each 80th Send is late":
		if c.sends%80 == 0 {
			c.late = append(c.late, e)
			return nil
		}
	case "two waiting receivers get a message each":
		if c.waiters > 1 {
			l.counters.Routed(1)
			_ = c.Deliver(e)
		}
	case "expired messages count for capacity":
		if c.named && c.capacity > 0 && c.Len() >= c.capacity {
			return l.refuse()
		}
	case "full until it is empty":
		if c.full = c.full && c.Len() > 0; c.full {
			return l.refuse()
		}
	case "capacity is shared":
		if l.o.Capacity > 0 && !c.named && l.othersHold(c) >= l.o.Capacity {
			return l.refuse()
		}
	}
	err := c.Deliver(e)
	c.full = errors.Is(err, layer.ErrFull)
	for _, e := range c.late {
		_ = c.Deliver(e)
	}
	c.late = nil
	switch {
	case errors.Is(err, layer.ErrClosed):
		return nil
	case c.named && l.defect == "Send to a full named channel returns nil":
		return nil
	}
	return err
}

// away gives up the lock for a while.
func (l *model) away(d time.Duration) {
	l.mu.Unlock()
	<-time.After(d)
	l.mu.Lock()
}

func (l *model) refuse() error {
	l.counters.Drop(layer.DropFull, 1)
	return layer.ErrFull
}

func (l *model) othersHold(c *channel) (n int) {
	for _, other := range l.channels {
		if other != c && !other.named {
			n += other.Len()
		}
	}
	return n
}
