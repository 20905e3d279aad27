package redislayer

import (
	"sync"
	"sync/atomic"

	"github.com/gochannels/channels/group"
	"github.com/gochannels/channels/layer"
)

// member is a mailbox as the registry knows it.
type member = group.Member[*layer.Mailbox]

// channels are the open mailboxes' members by name.
type channels struct {
	open  sync.Map // string to *member
	count atomic.Int64
}

func (c *channels) get(name string) *member {
	if m, ok := c.open.Load(name); ok {
		return m.(*member)
	}
	return nil
}

func (c *channels) put(name string, m *member) {
	c.open.Store(name, m)
	c.count.Add(1)
}

// remove returns the member that was there, once.
func (c *channels) remove(name string) *member {
	m, ok := c.open.LoadAndDelete(name)
	if !ok {
		return nil
	}
	c.count.Add(-1)
	return m.(*member)
}

func (c *channels) all() []*member {
	all := make([]*member, 0, c.count.Load())
	c.open.Range(func(_, m any) bool {
		all = append(all, m.(*member))
		return true
	})
	return all
}
