package layer

import (
	"hash/maphash"
	"sync"

	"github.com/gochannels/channels/group"
)

// member is a mailbox as the registry knows it.
type member = group.Member[*Mailbox]

// channels are those that NewChannel opened, by name.
type channels struct {
	shards [channelShards]channelShard
}

const channelShards = 32

type channelShard struct {
	mu     sync.RWMutex
	open   map[string]*member
	closed bool
	_      [64 - 40]byte
}

var channelSeed = maphash.MakeSeed()

func (c *channels) shard(name string) *channelShard {
	return &c.shards[maphash.String(channelSeed, name)%channelShards]
}

func (c *channels) get(name string) *member {
	s := c.shard(name)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.open[name]
}

// put reports whether it was in time.
func (c *channels) put(m *member) bool {
	s := c.shard(m.Value().Channel())
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if s.open == nil {
		s.open = make(map[string]*member)
	}
	s.open[m.Value().Channel()] = m
	return true
}

// remove forgets a channel, and with a shard's last one its map, which never shrinks by itself.
func (c *channels) remove(name string) *member {
	s := c.shard(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.open[name]
	delete(s.open, name)
	if len(s.open) == 0 {
		s.open = nil
	}
	return m
}

func (c *channels) all() []*member {
	var all []*member
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.RLock()
		for _, m := range s.open {
			all = append(all, m)
		}
		s.mu.RUnlock()
	}
	return all
}

// close refuses further channels and returns those that are open.
func (c *channels) close() []*member {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
	}
	return c.all()
}

func (c *channels) len() int {
	n := 0
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.RLock()
		n += len(s.open)
		s.mu.RUnlock()
	}
	return n
}
