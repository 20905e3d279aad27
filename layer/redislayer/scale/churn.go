package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/gochannels/channels/layer"
)

const (
	churnGroups  = 1000
	churnMembers = 50
)

// member joins and leaves groups, which it shares with the next member.
type member struct {
	box    *layer.Mailbox
	groups []string
	in     map[string]bool
}

// churn joins and leaves groups at a rate, and then looks whether Redis knows what the layer knows, and whether what is sent
// arrives. Then it does so with all groups joined.
func churn(ctx context.Context, o *settings, kind string) error {
	r, err := startRedis(ctx)
	if err != nil {
		return err
	}
	defer r.stop()
	l, err := newLayer(kind, r.url(), djangoCapacity)
	if err != nil {
		return err
	}
	defer l.Close()
	members := make([]*member, churnMembers)
	for i := range members {
		m := &member{in: make(map[string]bool)}
		if m.box, err = l.NewChannel(ctx); err != nil {
			return err
		}
		for g := range churnGroups {
			if w := g % churnMembers; w == i || w == (i+1)%churnMembers {
				m.groups = append(m.groups, fmt.Sprintf("g%d", g))
			}
		}
		members[i] = m
	}
	begun := time.Now()
	each := int(float64(o.rate)*o.churn.Seconds()) / churnMembers
	faults := make([]error, churnMembers)
	var work sync.WaitGroup
	for i, m := range members {
		work.Go(func() { faults[i] = m.churn(ctx, l, each, o.churn) })
	}
	work.Wait()
	if err := errors.Join(faults...); err != nil {
		return err
	}
	took := time.Since(begun)
	fmt.Printf("- %d joins and leaves in %v, %.0f a second, over %d groups\n",
		each*churnMembers, round(took), float64(each*churnMembers)/took.Seconds(), churnGroups)
	if err := compare(ctx, l, r, kind, members); err != nil {
		return err
	}
	for _, m := range members {
		for _, g := range m.groups {
			if err := m.toggle(ctx, l, g, true); err != nil {
				return err
			}
		}
	}
	return compare(ctx, l, r, kind, members)
}

// churn joins and leaves n times, spread over a time.
func (m *member) churn(ctx context.Context, l layer.ChannelLayer, n int, over time.Duration) error {
	begun := time.Now()
	for i := range n {
		select {
		case <-time.After(time.Until(begun.Add(over * time.Duration(i) / time.Duration(n)))):
		case <-ctx.Done():
			return ctx.Err()
		}
		g := m.groups[rand.IntN(len(m.groups))]
		if err := m.toggle(ctx, l, g, !m.in[g]); err != nil {
			return err
		}
	}
	return nil
}

func (m *member) toggle(ctx context.Context, l layer.ChannelLayer, group string, in bool) error {
	m.in[group] = in
	if in {
		return l.GroupAdd(ctx, group, m.box.Channel())
	}
	return l.GroupDiscard(ctx, group, m.box.Channel())
}

// compare looks whether Redis has a subscription, or a key, for each group that has members, and none for others, and sends
// a message to each.
func compare(ctx context.Context, l layer.ChannelLayer, r *redis, kind string, members []*member) error {
	joined, due := map[string]bool{}, make([]int, len(members))
	for i, m := range members {
		for g, in := range m.in {
			if in {
				joined[g] = true
				due[i]++
			}
		}
	}
	known, err := r.knows(kind)
	for begun := time.Now(); err == nil && !same(known, joined) && time.Since(begun) < 10*time.Second; <-time.After(100 * time.Millisecond) {
		known, err = r.knows(kind) // the last that left
	}
	if err != nil {
		return err
	}
	groups := l.(layer.Counted).Stats().Groups
	fmt.Printf("- groups with members: %d; of the layer's registry: %d; that Redis knows: %d\n", len(joined), groups, len(known))
	if !same(known, joined) || int(groups) != len(joined) {
		return errors.New("the layer and Redis differ")
	}
	for g := range joined {
		if err := l.GroupSend(ctx, g, layer.Message{"type": "said"}); err != nil {
			return err
		}
	}
	heard, want := 0, 0
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for i, m := range members {
		want += due[i]
		for range due[i] {
			if _, err := m.box.Receive(ctx); err == nil {
				heard++
			}
		}
		heard += m.box.Len() // more than are due
	}
	fmt.Printf("- a message to each of them, for %d members in all: %d arrived\n", want, heard)
	if heard != want {
		return errors.New("messages were lost or doubled")
	}
	return nil
}

// knows returns the groups that Redis has a key of, or one subscription to.
func (r *redis) knows(kind string) (map[string]bool, error) {
	known := map[string]bool{}
	if kind == "core" {
		out, err := r.cli("KEYS", "asgi:group:*")
		for _, key := range strings.Fields(out) {
			known[strings.TrimPrefix(key, "asgi:group:")] = true
		}
		return known, err
	}
	command := []string{"PUBSUB", "NUMSUB"}
	for g := range churnGroups {
		command = append(command, fmt.Sprintf("asgi__group__g%d", g))
	}
	out, err := r.cli(command...)
	answer := strings.Fields(out)
	for i := 0; i+1 < len(answer); i += 2 {
		if answer[i+1] == "1" {
			known[strings.TrimPrefix(answer[i], "asgi__group__")] = true
		}
	}
	return known, err
}

func same(a, b map[string]bool) bool {
	for g := range a {
		if !b[g] {
			return false
		}
	}
	return len(a) == len(b)
}
