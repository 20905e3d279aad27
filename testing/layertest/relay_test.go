package layertest_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gochannels/channels/group"
	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/testing/layertest"
)

// broker is a hub, or one that is asked through a connection.
type broker interface {
	Enter(room string, id *int) error
	Leave(id int, _ *bool) error
	Own(o Owned, _ *bool) error
	Publish(p Parcel, n *int) error
	Next(id int, p *Parcel) error
	Push(p Pushed, full *bool) error
	Pop(p Pushed, got *Parcel) error
}

// relay is a small layer for several processes that keeps every promise but the one its defect breaks. Members are
// local; every parcel comes from the hub, one after the other.
type relay struct {
	broker   broker
	id       int
	room     string
	o        layertest.Options
	defect   defect
	counters layer.Counters
	work     sync.WaitGroup

	mu     sync.Mutex
	closed bool
	boxes  map[string]*layer.Mailbox
	groups map[string][]string
	left   map[string][]string // of the defect "reaches who left"
	opened int
}

var _ interface {
	layer.ChannelLayer
	layer.Listener
	layer.Counted
} = (*relay)(nil)

func newRelay(b broker, room string, o layertest.Options, d defect) (*relay, error) {
	l := &relay{broker: b, room: room, o: o, defect: d, boxes: make(map[string]*layer.Mailbox), groups: make(map[string][]string), left: make(map[string][]string)}
	if err := b.Enter(room, &l.id); err != nil {
		return nil, err
	}
	l.work.Go(func() {
		for {
			var p Parcel
			if b.Next(l.id, &p) != nil || p.Name == "" {
				return
			}
			l.deliver(p)
		}
	})
	return l, nil
}

// begin is what calls begin with. It returns with the lock held, unless it fails.
func (l *relay) begin(ctx context.Context, groupName, channel string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := group.CheckName(groupName); err != nil {
		return err
	}
	if err := layer.CheckChannelName(channel); err != nil {
		return err
	}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return layer.ErrClosed
	}
	return nil
}

func (l *relay) NewChannel(ctx context.Context) (*layer.Mailbox, error) {
	if err := l.begin(ctx, "any", "any"); err != nil {
		return nil, err
	}
	defer l.mu.Unlock()
	name := "specific.relay!" + rand.Text()
	if l.opened++; l.defect == "channels are numbered in each process" {
		name = fmt.Sprintf("specific.relay!%d", l.opened)
	}
	o := &layer.MailboxOptions{Capacity: l.o.Capacity, Expiry: l.o.Expiry, Counters: &l.counters, OnClose: l.forget}
	if l.defect == "messages do not expire" {
		o.Expiry = time.Hour
	}
	m := layer.NewMailbox(name, o)
	l.boxes[name] = m
	return m, l.broker.Own(Owned{Relay: l.id, Room: l.room, Channel: name}, new(bool))
}

// forget takes a closed channel out of everything.
func (l *relay) forget(m *layer.Mailbox) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.boxes, m.Channel())
	_ = l.broker.Own(Owned{Relay: l.id, Room: l.room, Channel: m.Channel(), Gone: true}, new(bool))
	if l.defect == "ended channels stay in groups" {
		return
	}
	for g := range l.groups {
		l.discard(g, m.Channel())
	}
}

// discard takes a channel out of a group. The lock must be held.
func (l *relay) discard(group, channel string) {
	members := slices.DeleteFunc(l.groups[group], func(c string) bool { return c == channel })
	if l.groups[group] = members; len(members) == 0 {
		delete(l.groups, group)
	}
}

func (l *relay) GroupAdd(ctx context.Context, group, channel string) error {
	if err := l.begin(ctx, group, channel); err != nil {
		return err
	}
	defer l.mu.Unlock()
	if !strings.Contains(channel, "!") {
		return l.broker.Own(Owned{Room: l.room, Group: group, Channel: channel}, new(bool))
	}
	if l.boxes[channel] == nil {
		if l.defect == "GroupAdd of another process' channel returns nil" {
			return nil
		}
		return layer.ErrUnknownChannel
	}
	add := func() {
		if !slices.Contains(l.groups[group], channel) {
			l.groups[group] = append(l.groups[group], channel)
		}
	}
	switch {
	case l.defect == "the second to join in a process does not wait" && len(l.groups[group]) > 0:
		l.work.Go(func() {
			<-time.After(time.Millisecond)
			l.mu.Lock()
			defer l.mu.Unlock()
			add()
		})
		return nil
	case l.defect == "joining what others are in begins with a gap" && l.id%2 == 0:
		l.boxes[channel].DeliverGap(layer.Gap{Cause: "joined"})
	}
	add()
	return nil
}

func (l *relay) GroupDiscard(ctx context.Context, group, channel string) error {
	if err := l.begin(ctx, group, channel); err != nil {
		return err
	}
	defer l.mu.Unlock()
	if !strings.Contains(channel, "!") {
		return l.broker.Own(Owned{Room: l.room, Group: group, Channel: channel, Gone: true}, new(bool))
	}
	l.discard(group, channel)
	switch l.defect {
	case "another process' message once more reaches who left":
		l.left[group] = append(l.left[group], channel)
	case "leaving a group ends all memberships in the process":
		delete(l.groups, group)
	}
	return nil
}

func (l *relay) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	var all []*layer.Mailbox
	for _, m := range l.boxes {
		all = append(all, m)
	}
	l.mu.Unlock()
	for _, m := range all {
		m.Close()
	}
	if l.defect == "Close tells all to end" {
		_ = l.broker.Publish(Parcel{From: l.id, Room: l.room, Group: true, Name: "close"}, new(int))
	}
	err := l.broker.Leave(l.id, new(bool))
	l.work.Wait()
	return err
}

// Die makes the relay as good as that of a process that is killed.
func (l *relay) Die() {
	_ = l.broker.Leave(-l.id, new(bool))
	l.work.Wait()
}

func (l *relay) Stats() layer.Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.counters.Stats()
	s.Channels, s.Groups = int64(len(l.boxes)), int64(len(l.groups))
	for _, members := range l.groups {
		s.Memberships += int64(len(members))
	}
	return s
}
