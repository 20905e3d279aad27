package group

import (
	"errors"
	"slices"
	"sync"
)

// ErrMemberClosed is returned by an Add of a member that is closed.
var ErrMemberClosed = errors.New("group: the member is closed")

// Member is one that may be in groups, made by [Registry.NewMember]. All methods may be called concurrently.
type Member[M any] struct {
	registry *Registry[M]
	value    M

	// mu is taken before a shard's lock, never while one is held.
	mu     sync.Mutex
	closed bool
	links  []*link[M]
	index  map[string]*link[M] // of links, once there are many
}

// indexFrom is how many links are searched faster with a map than one by one.
const indexFrom = 16

// Value returns what the member was made with.
func (m *Member[M]) Value() M { return m.value }

// Groups returns the names of the groups that m is in, sorted.
func (m *Member[M]) Groups() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	names := make([]string, len(m.links))
	for i, l := range m.links {
		names[i] = l.entry.name
	}
	slices.Sort(names)
	return names
}

// Close takes m out of all its groups, for good: later Adds fail with [ErrMemberClosed], and so do those that are
// waiting for Changed. It does not wait for Changed itself. Closing twice is no error.
func (m *Member[M]) Close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	for _, l := range m.links {
		m.registry.leave(l)
	}
	m.links, m.index = nil, nil
}

// settle ends an Add that waited for l's confirmation, with err if that failed. An Add that returns an error leaves no
// membership behind, unless another Add of the same member still waits for it or has succeeded.
func (m *Member[M]) settle(l *link[M], err error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrMemberClosed
	}
	l.waiting--
	if err == nil {
		l.confirmed = true
		return nil
	}
	if l.waiting == 0 && !l.confirmed && m.find(l.entry.name) == l {
		m.forget(l)
		m.registry.leave(l)
	}
	return err
}

func (m *Member[M]) find(group string) *link[M] {
	if m.index != nil {
		return m.index[group]
	}
	for _, l := range m.links {
		if l.entry.name == group {
			return l
		}
	}
	return nil
}

// remember indexes l, which was just appended to links.
func (m *Member[M]) remember(group string, l *link[M]) {
	if m.index != nil {
		m.index[group] = l
		return
	}
	if len(m.links) < indexFrom {
		return
	}
	m.index = make(map[string]*link[M], 2*indexFrom)
	for _, l := range m.links {
		m.index[l.entry.name] = l
	}
}

func (m *Member[M]) forget(l *link[M]) {
	i := slices.Index(m.links, l)
	last := len(m.links) - 1
	m.links[i] = m.links[last]
	m.links[last] = nil
	m.links = m.links[:last]
	delete(m.index, l.entry.name)
	if last == 0 {
		m.links, m.index = nil, nil
	}
}
