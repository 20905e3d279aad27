package layertest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/gochannels/channels/layer"
)

func (l *model) GroupAdd(ctx context.Context, name, channelName string) error {
	if err := l.begin(ctx, name, channelName); err != nil {
		return err
	}
	defer l.mu.Unlock()
	name = l.fold(name)
	c := l.lookup(channelName)
	if c == nil {
		if l.defect == "GroupAdd of an unknown channel returns nil" {
			return nil
		}
		return layer.ErrUnknownChannel
	}
	if l.defect == "GroupAdd looks first and adds later" {
		l.away(time.Microsecond)
	}
	again := slices.Contains(l.groups[name], c)
	if !again || l.defect == "GroupAdd twice is two members" || l.defect == "GroupAdd is counted" {
		l.groups[name] = append(l.groups[name], c)
	}
	if len(l.groups[name]) == 1 && !again {
		switch l.defect {
		case "a new group begins with a gap":
			c.DeliverGap(layer.Gap{Cause: "a new group", Since: time.Now()})
		case "the second to join does not wait":
			l.away(time.Millisecond)
			l.subscribed[name] = true
		}
	}
	return nil
}

func (l *model) GroupDiscard(ctx context.Context, name, channelName string) error {
	if err := l.begin(ctx, name, channelName); err != nil {
		return err
	}
	defer l.mu.Unlock()
	name = l.fold(name)
	c := l.lookup(channelName)
	if c == nil || !slices.Contains(l.groups[name], c) {
		if l.defect == "GroupDiscard of a stranger is an error" {
			return layer.ErrUnknownChannel
		}
		return nil
	}
	if c.named && l.defect == "named channels stay in groups" {
		return nil
	}
	l.discard(name, c)
	if l.defect == "GroupDiscard leaves all groups" {
		for g := range l.groups {
			l.discard(g, c)
		}
	}
	return nil
}

// discard takes one entry out of a group. The lock must be held.
func (l *model) discard(name string, c *channel) {
	members := slices.Clone(l.groups[name])
	for range members {
		if i := slices.Index(members, c); i >= 0 {
			members = slices.Delete(members, i, i+1)
			if !c.named {
				l.left[name] = append(l.left[name], c)
			}
		}
		if l.defect == "GroupAdd is counted" {
			break
		}
	}
	l.groups[name] = members
	if len(members) == 0 && l.defect != "empty groups stay" {
		delete(l.groups, name)
	}
}

func (l *model) GroupSend(ctx context.Context, name string, msg layer.Message) error {
	if l.defect == "GroupSend ignores ctx" && errors.Is(ctx.Err(), context.Canceled) {
		ctx = context.WithoutCancel(ctx)
	}
	e, err := l.encode(msg)
	if err2 := l.begin(ctx, name, "any"); err2 != nil {
		return err2
	}
	defer l.mu.Unlock()
	name = l.fold(name)
	if err != nil {
		if l.defect == "GroupSend swallows a refused message" {
			return nil
		}
		return err
	}
	members := l.reached(name)
	if len(members) == 0 && l.defect == "GroupSend to nobody is an error" {
		return layer.ErrUnknownChannel
	}
	l.counters.GroupSent()
	if l.defect == "a group's message counts once" {
		l.counters.Routed(min(len(members), 1))
	} else {
		l.counters.Routed(len(members))
	}
	return l.deliverGroup(members, e)
}

// reached are the members that a message sent now reaches. The lock must be held.
func (l *model) reached(name string) []*channel {
	members := slices.Clone(l.groups[name])
	switch l.defect {
	case "GroupSend stops after 128 members":
		members = members[:min(len(members), 128)]
	case "GroupSend once more reaches who left":
		members = append(members, l.left[name]...)
		delete(l.left, name)
	case "the second to join does not wait":
		if !l.subscribed[name] {
			return nil
		}
	case "groups skip named channels":
		members = slices.DeleteFunc(members, func(c *channel) bool { return c.named })
	}
	return members
}

// deliverGroup delivers one routed copy to each. The lock must be held.
func (l *model) deliverGroup(members []*channel, e layer.Envelope) error {
	var full error
	for i, c := range members {
		c.used = time.Now()
		c.groupSends++
		if c.groupSends%50 == 0 && l.defect == "each 50th GroupSend is late" {
			c.late = append(c.late, e)
			continue
		}
		err := c.Deliver(e)
		if !errors.Is(err, layer.ErrFull) {
			continue
		}
		switch l.defect {
		case "GroupSend returns ErrFull":
			full = err
		case "GroupSend stops at a full member":
			l.counters.Drop(layer.DropFull, len(members)-i-1)
			return nil
		}
	}
	return full
}

// fold changes a group's name as two defects do.
func (l *model) fold(name string) string {
	switch l.defect {
	case "groups are folded":
		return strings.ToLower(name)
	case "a group's dots become underscores":
		return strings.ReplaceAll(name, ".", "_")
	}
	return name
}
