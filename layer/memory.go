package layer

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gochannels/channels/group"
	"github.com/gochannels/channels/layer/internal/glob"
)

// ChannelCapacity gives the channels whose names match a pattern a capacity of their own. Patterns are those of
// Python's fnmatch: '*' is any text, '?' any byte, [seq] one of some, [!seq] none of them; case matters.
type ChannelCapacity struct {
	Pattern  string
	Capacity int
}

// Memory is the layer for one process. Its zero value is ready to use; the fields are set before first use, and a fault
// in them is the error of every call. A Memory must not be copied.
//
// Channel names that NewChannel makes are "specific.memory!" and 128 random bits or more. Other names without '!' are
// named channels: messages wait in them for a [Memory.Receive], up to the capacity and the expiry. A named channel in
// which nothing waits, on which nobody waits and that is in no group takes no memory.
type Memory struct {
	Capacity        int               // messages that may wait in a channel; 0 means 1,000
	ChannelCapacity []ChannelCapacity // the first whose pattern matches counts, else Capacity
	Expiry          time.Duration     // how long a message may wait; 0 means 60 s
	MaxSize         int               // bytes of an encoded message; 0 means 4 MiB; beyond it ErrTooLarge
	DropOldest      bool              // a message to a full channel drops the oldest in it, and is no ErrFull

	once     sync.Once
	fault    error // of the fields
	options  *MailboxOptions
	special  []*MailboxOptions // parallel to ChannelCapacity
	closed   atomic.Bool
	counters Counters
	registry group.Registry[*Mailbox]
	channels channels
	named    namedChannels
}

const defaultMaxSize = 4 << 20

// newChannelPrefix begins the names of channels that NewChannel makes.
const newChannelPrefix = "specific.memory!"

var (
	_ ChannelLayer = (*Memory)(nil)
	_ Listener     = (*Memory)(nil)
	_ Flusher      = (*Memory)(nil)
	_ Counted      = (*Memory)(nil)
	_ Measured     = (*Memory)(nil)
)

// NewChannel opens a channel.
func (l *Memory) NewChannel(ctx context.Context) (*Mailbox, error) {
	if err := l.begin(ctx); err != nil {
		return nil, err
	}
	name := newChannelPrefix + rand.Text()
	box := NewMailbox(name, l.optionsFor(name))
	if !l.channels.put(l.registry.NewMember(box)) {
		return nil, ErrClosed
	}
	return box, nil
}

// Send puts a copy of msg into the channel's queue.
func (l *Memory) Send(ctx context.Context, channel string, msg Message) error {
	if err := l.begin(ctx); err != nil {
		return err
	}
	if err := CheckChannelName(channel); err != nil {
		return err
	}
	e, err := l.encode(msg)
	if err != nil {
		return err
	}
	l.counters.Routed(1)
	if err := l.route(channel, e); err != nil {
		return err
	}
	l.counters.Sent()
	return nil
}

func (l *Memory) route(channel string, e Envelope) error {
	if !strings.Contains(channel, "!") {
		return l.named.send(l, channel, e)
	}
	member := l.channels.get(channel)
	if member == nil {
		l.counters.Drop(DropNoReceiver, 1)
		return nil
	}
	if err := member.Value().Deliver(e); err != ErrClosed {
		return err
	}
	return nil // it was closed meanwhile
}

// GroupAdd puts the channel into the group.
func (l *Memory) GroupAdd(ctx context.Context, group, channel string) error {
	if err := l.begin(ctx); err != nil {
		return err
	}
	if err := checkMember(group, channel); err != nil {
		return err
	}
	if !strings.Contains(channel, "!") {
		return l.named.join(l, group, channel)
	}
	member := l.channels.get(channel)
	if member == nil || l.registry.Add(ctx, group, member) != nil {
		return ErrUnknownChannel
	}
	return nil
}

// GroupDiscard takes the channel out of the group.
func (l *Memory) GroupDiscard(ctx context.Context, group, channel string) error {
	if err := l.begin(ctx); err != nil {
		return err
	}
	if err := checkMember(group, channel); err != nil {
		return err
	}
	if !strings.Contains(channel, "!") {
		l.named.leave(l, group, channel)
		return nil
	}
	if member := l.channels.get(channel); member != nil {
		l.registry.Discard(group, member)
	}
	return nil
}

// GroupSend sends msg to every channel that is in the group.
func (l *Memory) GroupSend(ctx context.Context, groupName string, msg Message) error {
	if err := l.begin(ctx); err != nil {
		return err
	}
	if err := group.CheckName(groupName); err != nil {
		return err
	}
	e, err := l.encode(msg)
	if err != nil {
		return err
	}
	members := l.registry.Members(groupName)
	l.counters.Routed(len(members))
	l.counters.GroupSent()
	for _, box := range members {
		_ = box.Deliver(e) // what a member cannot take is counted
	}
	l.named.sweep(l, e.p.at)
	return nil
}

// Receive takes one message from the named channel, and blocks until there is one.
func (l *Memory) Receive(ctx context.Context, channel string) (Envelope, error) {
	if err := l.begin(ctx); err != nil {
		return Envelope{}, err
	}
	if err := checkNamed(channel); err != nil {
		return Envelope{}, err
	}
	return l.named.receive(ctx, l, channel)
}

// Flush forgets all queued messages, counted as [DropClosed], and all memberships. Open channels stay open, and who
// waits goes on waiting.
func (l *Memory) Flush(ctx context.Context) error {
	if err := l.begin(ctx); err != nil {
		return err
	}
	for _, member := range append(l.channels.all(), l.named.all()...) {
		for _, group := range member.Groups() {
			l.registry.Discard(group, member)
		}
		member.Value().Flush()
	}
	l.named.forgetIdle()
	return nil
}

// Close closes all mailboxes.
func (l *Memory) Close() error {
	l.closed.Store(true)
	for _, member := range append(l.channels.close(), l.named.close()...) {
		member.Close()
		member.Value().Close()
	}
	return nil
}

// Stats returns what became of all messages so far.
func (l *Memory) Stats() Stats {
	s := l.counters.Stats()
	groups, memberships := l.registry.Len()
	s.Groups, s.Memberships = int64(groups), int64(memberships)
	s.Channels = int64(l.channels.len() + l.named.len())
	return s
}

// Metrics returns Stats as metrics.
func (l *Memory) Metrics() []Metric { return l.Stats().Metrics() }

// begin is how every call begins.
func (l *Memory) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.once.Do(l.configure)
	if l.closed.Load() {
		return ErrClosed
	}
	return l.fault
}

func (l *Memory) encode(msg Message) (Envelope, error) {
	e, err := Encode(msg)
	if err != nil {
		return e, err
	}
	limit := l.MaxSize
	if limit == 0 {
		limit = defaultMaxSize
	}
	if e.Size() > limit {
		return Envelope{}, fmt.Errorf("%w: %d bytes, more than %d", ErrTooLarge, e.Size(), limit)
	}
	return e, nil
}

// configure checks the fields and makes the options that mailboxes share.
func (l *Memory) configure() {
	l.fault = l.check()
	l.named.swept.Store(now())
	l.options = l.mailboxOptions(l.Capacity)
	for _, c := range l.ChannelCapacity {
		l.special = append(l.special, l.mailboxOptions(c.Capacity))
	}
}

func (l *Memory) mailboxOptions(capacity int) *MailboxOptions {
	return &MailboxOptions{
		Capacity:   capacity,
		Expiry:     l.Expiry,
		DropOldest: l.DropOldest,
		Counters:   &l.counters,
		OnClose:    l.forget,
	}
}

func (l *Memory) check() error {
	switch {
	case l.Capacity < 0:
		return fmt.Errorf("layer: Memory.Capacity is negative: %d", l.Capacity)
	case l.Expiry < 0:
		return fmt.Errorf("layer: Memory.Expiry is negative: %v", l.Expiry)
	case l.MaxSize < 0:
		return fmt.Errorf("layer: Memory.MaxSize is negative: %d", l.MaxSize)
	}
	for i, c := range l.ChannelCapacity {
		if err := glob.Check(c.Pattern); err != nil {
			return fmt.Errorf("layer: Memory.ChannelCapacity[%d]: pattern %q: %w", i, c.Pattern, err)
		}
		if c.Capacity <= 0 {
			return fmt.Errorf("layer: Memory.ChannelCapacity[%d]: capacity of %q is not positive: %d", i, c.Pattern, c.Capacity)
		}
	}
	return nil
}

func (l *Memory) optionsFor(channel string) *MailboxOptions {
	for i, c := range l.ChannelCapacity {
		if glob.Match(c.Pattern, channel) {
			return l.special[i]
		}
	}
	return l.options
}

// forget is told by every mailbox that it is closed.
func (l *Memory) forget(box *Mailbox) {
	if member := l.channels.remove(box.Channel()); member != nil {
		member.Close()
	}
}
