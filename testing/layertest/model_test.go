package layertest_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gochannels/channels/group"
	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/testing/layertest"
)

// model is a small layer that keeps every promise but the one its defect breaks.
// It is written for that and nothing else, under one lock.
type model struct {
	o        layertest.Options
	defect   defect
	counters layer.Counters

	mu         sync.Mutex
	closed     bool
	channels   map[string]*channel
	groups     map[string][]*channel // in the order they joined
	left       map[string][]*channel // of the defect "reaches who left"
	subscribed map[string]bool       // of the defect "does not wait"
	encoded    map[uintptr]encoded
	opened     int
}

var _ interface {
	layer.ChannelLayer
	layer.Listener
	layer.Flusher
	layer.Counted
} = (*model)(nil)

// channel is a mailbox and what the model and its defects know of it. All but the
// mailbox is guarded by the model's lock.
type channel struct {
	*layer.Mailbox
	named    bool
	capacity int
	waiters  int
	used     time.Time // the last message to it

	sends, groupSends int
	late              []layer.Envelope
	busy, full        bool
}

func newModel(d defect) factory {
	return func(_ testing.TB, o layertest.Options) layer.ChannelLayer {
		return &model{
			o: o, defect: d, channels: make(map[string]*channel), groups: make(map[string][]*channel),
			left: make(map[string][]*channel), subscribed: make(map[string]bool), encoded: make(map[uintptr]encoded),
		}
	}
}

func (l *model) NewChannel(ctx context.Context) (*layer.Mailbox, error) {
	if err := ctx.Err(); err != nil && l.defect != "NewChannel ignores ctx" {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, layer.ErrClosed
	}
	l.opened++
	name := "specific.model!" + rand.Text()
	if l.defect == "channels are numbered" {
		name = fmt.Sprintf("specific.model!%d", l.opened)
	}
	return l.open(name).Mailbox, nil
}

// open makes a channel. The lock must be held.
func (l *model) open(name string) *channel {
	c := &channel{named: !strings.Contains(name, "!"), capacity: l.capacity(name), used: time.Now()}
	o := &layer.MailboxOptions{Capacity: c.capacity, Expiry: l.o.Expiry, Counters: &l.counters, OnClose: func(*layer.Mailbox) { l.forget(c) }}
	switch {
	case c.named:
	case l.defect == "messages never expire":
		o.Expiry = time.Hour
	case l.defect == "messages expire at half-time":
		o.Expiry /= 2
	case l.defect == "a full channel drops the oldest":
		o.DropOldest = true
	}
	c.Mailbox = layer.NewMailbox(name, o)
	l.channels[name] = c
	return c
}

func (l *model) capacity(name string) int {
	capacity := l.o.Capacity
	if l.defect == "ChannelCapacity is ignored" {
		return capacity
	}
	for _, c := range l.o.ChannelCapacity {
		if ok, _ := path.Match(c.Pattern, name); ok {
			capacity = c.Capacity
			if l.defect != "ChannelCapacity's last entry wins" {
				break
			}
		}
	}
	return capacity
}

// forget takes a closed channel out of everything.
func (l *model) forget(c *channel) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.channels, c.Channel())
	for g := range l.groups {
		if slices.Contains(l.groups[g], c) {
			l.discard(g, c)
			if l.defect == "an ended channel leaves its first group only" {
				return
			}
		}
	}
}

// sweep forgets named channels that nobody has used for long. The lock must be held.
func (l *model) sweep() {
	if l.defect == "unread channels stay" || l.o.Expiry == 0 {
		return
	}
	for name, c := range l.channels {
		waited := c.waiters > 0 && l.defect != "a channel is forgotten under its receiver"
		if c.named && !waited && time.Since(c.used) > 2*l.o.Expiry {
			c.TryReceive() // nothing can be young enough: this counts the old
			delete(l.channels, name)
		}
	}
}

func (l *model) Receive(ctx context.Context, name string) (layer.Envelope, error) {
	if err := ctx.Err(); err != nil && l.defect != "Receive ignores its ctx" {
		return layer.Envelope{}, err
	}
	if err := layer.CheckChannelName(name); err != nil {
		return layer.Envelope{}, err
	}
	if strings.Contains(name, "!") {
		if l.defect == "Receive takes specific names for unknown" {
			return layer.Envelope{}, layer.ErrUnknownChannel
		}
		return layer.Envelope{}, &layer.NameError{Kind: "channel", Name: name, Rule: "is not a named channel's"}
	}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		if l.defect == "Receive after Close waits" {
			<-ctx.Done()
			return layer.Envelope{}, ctx.Err()
		}
		return layer.Envelope{}, layer.ErrClosed
	}
	c := l.lookup(name)
	c.waiters++
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.defect == "a cancelled Receive goes on reading" && ctx.Err() != nil {
			return // and its channel is kept for it
		}
		if c.waiters--; c.waiters == 0 && c.Len() == 0 && !l.joined(c) {
			delete(l.channels, c.Channel())
		}
	}()
	switch l.defect {
	case "Receive ignores its ctx":
		return c.Mailbox.Receive(context.WithoutCancel(ctx))
	case "a cancelled Receive goes on reading":
		return receiveOn(ctx, c.Mailbox)
	case "a cancelled Receive has an error of its own":
		e, err := c.Mailbox.Receive(ctx)
		if errors.Is(err, context.Canceled) {
			err = errors.New("interrupted system call")
		}
		return e, err
	}
	return c.Mailbox.Receive(ctx)
}

// receiveOn leaves a goroutine behind that takes a message for nobody.
func receiveOn(ctx context.Context, m *layer.Mailbox) (e layer.Envelope, err error) {
	done := make(chan struct{})
	var got layer.Envelope
	var failure error
	go func() {
		defer close(done)
		got, failure = m.Receive(context.WithoutCancel(ctx))
	}()
	select {
	case <-done:
		return got, failure
	case <-ctx.Done():
		return e, ctx.Err()
	}
}

// joined reports whether c is in any group. The lock must be held.
func (l *model) joined(c *channel) bool {
	for _, members := range l.groups {
		if slices.Contains(members, c) {
			return true
		}
	}
	return false
}

// lookup finds a channel; a named one is made if need be. The lock must be held.
func (l *model) lookup(name string) *channel {
	named := !strings.Contains(name, "!")
	if named && l.defect == "named channels are folded" {
		name = strings.ToLower(name)
	}
	c := l.channels[name]
	if c == nil && named {
		c = l.open(name)
	}
	return c
}

func (l *model) Flush(ctx context.Context) error {
	if err := ctx.Err(); err != nil && l.defect != "Flush ignores ctx" {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed && l.defect != "Flush after Close returns nil" {
		return layer.ErrClosed
	}
	if l.defect != "Flush forgets messages only" {
		clear(l.groups)
	}
	if l.defect != "Flush forgets memberships only" {
		for _, c := range l.channels {
			if c.named && l.defect == "Flush keeps named channels" {
				continue
			}
			for _, ok := c.TryReceive(); ok; _, ok = c.TryReceive() {
			}
		}
	}
	return nil
}

func (l *model) Close() error {
	l.mu.Lock()
	if l.closed && l.defect == "a second Close is an error" {
		l.mu.Unlock()
		return layer.ErrClosed
	}
	l.closed = true
	var all []*channel
	for _, c := range l.channels {
		all = append(all, c)
	}
	l.mu.Unlock()
	if l.defect != "Close leaves mailboxes open" {
		for _, c := range all {
			c.Mailbox.Close()
		}
	}
	return nil
}

func (l *model) Stats() layer.Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.counters.Stats()
	s.Channels, s.Groups = int64(len(l.channels)), int64(len(l.groups))
	for _, members := range l.groups {
		s.Memberships += int64(len(members))
	}
	return s
}

// checkNames are the names' rules, less what a defect forgets.
func (l *model) checkNames(groupName, channelName string) error {
	switch l.defect {
	case "a channel's name may end in a newline":
		channelName = strings.TrimSuffix(channelName, "\n")
	case "a channel's name may have 100 bytes":
		if len(channelName) == 100 {
			channelName = channelName[1:]
		}
	case "a group's name may end in a newline":
		groupName = strings.TrimSuffix(groupName, "\n")
	case "a group's name may have 64 bytes":
		if len(groupName) > 64 {
			groupName = ""
		}
	}
	if err := group.CheckName(groupName); err != nil {
		return err
	}
	return layer.CheckChannelName(channelName)
}
