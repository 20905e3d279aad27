package layertest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/gochannels/channels/layer"
)

func (l *relay) Send(ctx context.Context, channel string, msg layer.Message) error {
	return l.send(ctx, Parcel{Name: channel}, "any", channel, msg)
}

func (l *relay) GroupSend(ctx context.Context, group string, msg layer.Message) error {
	return l.send(ctx, Parcel{Name: group, Group: true}, group, "any", msg)
}

func (l *relay) send(ctx context.Context, p Parcel, group, channel string, msg layer.Message) error {
	e, encodeErr := layer.Encode(msg)
	if err := l.begin(ctx, group, channel); err != nil {
		return err
	}
	l.mu.Unlock()
	if encodeErr != nil {
		return encodeErr
	}
	p.From, p.Room = l.id, l.room
	var err error
	if p.Message, err = l.pack(e); err != nil {
		return err
	}
	n := 0
	switch {
	case p.Group:
		return l.sendGroup(p)
	case !strings.Contains(p.Name, "!"):
		var full bool
		if err := l.broker.Push(Pushed{Parcel: p, Capacity: l.o.Capacity}, &full); err != nil {
			return err
		}
		if full && l.defect != "Send to a full named channel returns nil" {
			return layer.ErrFull
		}
		n = 1
	case l.defect == "Send reaches this process' channels only":
		l.mu.Lock()
		own := l.boxes[p.Name] != nil
		l.mu.Unlock()
		if own {
			err = l.broker.Publish(p, &n)
		}
	default:
		err = l.broker.Publish(p, &n)
	}
	if err != nil {
		return err
	}
	if n == 0 {
		if l.defect == "Send to a channel that is nowhere is an error" {
			return layer.ErrUnknownChannel
		}
		if l.defect != "messages to nobody are not counted in either process" {
			l.counters.Routed(1)
			l.counters.Drop(layer.DropNoReceiver, 1)
		}
	}
	l.counters.Sent()
	return nil
}

func (l *relay) sendGroup(p Parcel) error {
	l.counters.GroupSent()
	l.mu.Lock()
	members := len(l.groups[p.Name])
	l.mu.Unlock()
	if members == 0 && l.defect == "GroupSend goes nowhere if nobody here is in the group" {
		return nil
	}
	if l.defect == "this process' members get a group's message at once, and again" {
		l.deliver(p)
	}
	n := 0
	return l.broker.Publish(p, &n)
}

// pack is what a message is on its way.
func (l *relay) pack(e layer.Envelope) ([]byte, error) {
	msg, err := e.Message()
	if err != nil {
		return nil, err
	}
	v := msg["value"]
	switch b, ok := v.([]byte); {
	case ok && l.defect == "bytes become text on the way":
		msg["value"] = string(b)
	case l.defect == "whole floats become integers on the way":
		if f, ok := v.(float64); ok && f == 1 {
			msg["value"] = 1
		}
	case l.defect == "a key is lost on the way":
		delete(msg, "to")
	}
	if e, err = layer.Encode(msg); err != nil {
		return nil, err
	}
	b, err := e.Msgpack()
	if len(b) > 1<<16 && l.defect == "64 KiB is the limit on the way" {
		return nil, errors.New("too large")
	}
	return b, err
}

// deliver delivers what came from the hub.
func (l *relay) deliver(p Parcel) {
	if p.Message == nil { // of the defect "Close tells all to end"
		go l.Close()
		return
	}
	e, err := layer.ParseMsgpack(p.Message)
	if err != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !p.Group {
		l.deliverTo(p.Name, e)
		if l.defect == "a message reaches all channels of its process" {
			for c := range l.boxes {
				if c != p.Name {
					l.deliverTo(c, e)
				}
			}
		}
		return
	}
	members := slices.Clone(l.groups[p.Name])
	away := p.From != l.id
	switch {
	case l.defect == "a group's message reaches all groups of other processes" && away:
		members = nil
		for c := range l.boxes {
			members = append(members, c)
		}
	case l.defect == "another process' message once more reaches who left" && away:
		members = append(members, l.left[p.Name]...)
		delete(l.left, p.Name)
	}
	for i, c := range members {
		if !l.deliverTo(c, e) && l.defect == "a full member ends another process' message" && away {
			l.counters.Routed(len(members) - i - 1)
			l.counters.Drop(layer.DropFull, len(members)-i-1)
			return
		}
	}
}

// deliverTo reports whether there was room. The lock must be held.
func (l *relay) deliverTo(channel string, e layer.Envelope) bool {
	if l.defect != "copies are counted where they were sent, which is nowhere" {
		l.counters.Routed(1)
	}
	m := l.boxes[channel]
	if m == nil {
		l.counters.Drop(layer.DropNoReceiver, 1)
		return true
	}
	return !errors.Is(m.Deliver(e), layer.ErrFull)
}

// Receive asks again and again.
func (l *relay) Receive(ctx context.Context, channel string) (layer.Envelope, error) {
	if err := l.begin(ctx, "any", channel); err != nil {
		return layer.Envelope{}, err
	}
	l.mu.Unlock()
	if strings.Contains(channel, "!") {
		return layer.Envelope{}, &layer.NameError{Kind: "channel", Name: channel, Rule: "is not a named channel's"}
	}
	for {
		p := Pushed{Parcel: Parcel{From: l.id, Room: l.room, Name: channel}, Expiry: l.o.Expiry}
		if l.defect == "named channels are each process' own" {
			p.Parcel.Room += "x"
		}
		var got Parcel
		if err := l.broker.Pop(p, &got); err != nil {
			return layer.Envelope{}, err
		}
		if got.Name != "" {
			return layer.ParseMsgpack(got.Message)
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return layer.Envelope{}, ctx.Err()
		}
	}
}
