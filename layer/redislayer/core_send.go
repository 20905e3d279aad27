package redislayer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/gochannels/channels/group"
	"github.com/gochannels/channels/layer"
)

// Send puts msg into the channel's queue: it is [layer.ErrFull] if that is the queue of a Python process or a named channel,
// and holds Capacity messages. What a Go process has no room for it counts itself.
func (l *Core) Send(ctx context.Context, channel string, msg layer.Message) error {
	if err := l.begin(ctx); err != nil {
		return err
	}
	if err := layer.CheckChannelName(channel); err != nil {
		return err
	}
	e, err := layer.Encode(msg)
	if err != nil {
		return err
	}
	ctx, cancel := l.limit(ctx)
	defer cancel()
	full, err := l.send(ctx, channel, e)
	if err != nil {
		return err
	}
	if full {
		l.counters.Routed(1)
		l.counters.Drop(layer.DropFull, 1)
		return layer.ErrFull
	}
	l.counters.Sent()
	return nil
}

func (l *Core) send(ctx context.Context, channel string, e layer.Envelope) (full bool, err error) {
	process := nonLocal(channel)
	if process == channel && !strings.HasSuffix(channel, "!") {
		return l.named.send(ctx, l, channel, e)
	}
	var names any = channel
	if goProcess(process) != "" {
		names = []string{channel, goSender}
	}
	payload, err := l.codec.Encode(e, names)
	if err != nil {
		return false, err
	}
	s := l.shardOf(process)
	p, err := s.await(ctx)
	if err != nil {
		return false, err
	}
	refused, err := p.deliver(ctx, []parcel{{key: l.key(process), payload: payload, capacity: l.capacityOf(process, channel)}}, s.clock.given())
	return len(refused) > 0, err
}

// capacityOf returns the capacity of a process' key, as it counts for a channel.
func (l *Core) capacityOf(process, channel string) int {
	if goProcess(process) != "" {
		return -goCapacity
	}
	return l.capacities.Of(channel)
}

// GroupSend puts msg into the queue of each process that has members in the group, once. Who has no room loses it; that is
// counted, as it is known here.
//
// It asks the group's server for the members, and then all servers at once to take the message.
func (l *Core) GroupSend(ctx context.Context, groupName string, msg layer.Message) error {
	if err := l.begin(ctx); err != nil {
		return err
	}
	if err := group.CheckName(groupName); err != nil {
		return err
	}
	e, err := layer.Encode(msg)
	if err != nil {
		return err
	}
	ctx, cancel := l.limit(ctx)
	defer cancel()
	members, err := l.membersOf(ctx, groupName)
	if err != nil {
		return err
	}
	if len(members) == 0 {
		_, err = l.codec.Encode(e, nil) // what cannot be sent is an error all the same
	} else {
		err = l.dispatch(ctx, members, e)
	}
	if err != nil {
		return err
	}
	l.counters.GroupSent()
	return nil
}

// membersOf returns the names of all channels in a group.
func (l *Core) membersOf(ctx context.Context, groupName string) ([]string, error) {
	s := l.shardOf(groupName)
	p, err := s.await(ctx)
	if err != nil {
		return nil, err
	}
	t := s.lease()
	res, err := p.eval(ctx, membersScript, invocation{
		keys: []string{l.groupKey(groupName)},
		args: []string{strconv.FormatInt(t.expired/1e6, 10)},
	})
	if err != nil {
		return nil, failure(err)
	}
	members, err := res[0].AsStrSlice()
	return members, failure(err)
}

// dispatch sends one message to channels, each key getting it once. Servers do not wait for each other.
func (l *Core) dispatch(ctx context.Context, members []string, e layer.Envelope) error {
	byShard, err := l.parcels(members, e)
	if err != nil {
		return err
	}
	var errs []error
	var mu sync.Mutex
	var wait sync.WaitGroup
	send := func(shard int) {
		err := l.dispatchTo(ctx, l.shards[shard], byShard[shard])
		mu.Lock()
		defer mu.Unlock()
		errs = append(errs, err)
	}
	last := -1
	for i, parcels := range byShard {
		if len(parcels) == 0 {
			continue
		}
		if last >= 0 {
			other := last
			wait.Go(func() { send(other) })
		}
		last = i
	}
	if last >= 0 {
		send(last)
	}
	wait.Wait()
	return together(errs)
}

// together returns the error of a message that several servers, or several scripts, were to take.
func together(errs []error) error {
	var failed error
	taken := false
	for _, err := range errs {
		if err == nil {
			taken = true
		} else if failed == nil || errors.Is(err, layer.ErrOutcomeUnknown) {
			failed = err
		}
	}
	if failed != nil && taken && !errors.Is(failed, layer.ErrOutcomeUnknown) {
		return fmt.Errorf("%w: a part of it was done: %v", layer.ErrOutcomeUnknown, failed) //nolint:errorlint // it must not be ErrUnavailable
	}
	return failed
}

func (l *Core) dispatchTo(ctx context.Context, s *coreShard, parcels []parcel) error {
	p, err := s.await(ctx)
	if err != nil {
		return err
	}
	refused, err := p.deliver(ctx, parcels, s.clock.given())
	for _, i := range refused {
		n := l.copies(parcels[i].names)
		l.counters.Routed(n)
		l.counters.Drop(layer.DropFull, n)
	}
	return err
}

// copies returns how many channels would have got a message, as far as that is known here.
func (l *Core) copies(names []string) int {
	n := 0
	for _, name := range names {
		boxes, unknown := l.recipients(name)
		if unknown {
			n++
		}
		n += len(boxes)
	}
	return n
}
