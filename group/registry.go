package group

import (
	"context"
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
)

// Registry knows which members are in which groups. Its zero value is ready to use, and all methods may be called
// concurrently. Names are not checked here; see [CheckName]. A Registry must not be copied.
type Registry[M any] struct {
	// Changed, set before first use or left nil, is told when a group has got its first member (want is true) and when
	// it has lost its last (false). It is what an adapter subscribes and unsubscribes in.
	//
	// It may block. It is called in a goroutine of the Registry's (see Wait), for one group never twice at a time, under
	// no lock, and always ends with the current truth: edges that cancelled each other out meanwhile are not told.
	// An Add to a group whose subscription is not confirmed waits until Changed has returned nil; if it returns an error
	// instead, every Add that waited is undone and returns that error, and the group, empty by then, is told so. An
	// error when want is false changes nothing. ctx is never cancelled, but has the values of an Add that led to the
	// call, which need not be the last.
	Changed func(ctx context.Context, group string, want bool) error

	shards [shardCount]shard[M]
	work   tasks
}

const shardCount = 64

type shard[M any] struct {
	mu     sync.RWMutex
	groups map[string]*entry[M]
	_      [64 - 32]byte // neighbours' locks do not share a cache line
}

// entry is one group. All of it is guarded by its shard's lock.
type entry[M any] struct {
	name string
	// values and links are parallel. values is handed out by Members: while shared is set, what lies in its first
	// len elements is never written again, so that leaving copies it, once after each hand-out, and joining never does.
	values []M
	links  []*link[M]
	shared atomic.Bool
	sub    *subscription // nil without Changed
}

// link is one member's place in one group. index is guarded by the shard's lock, the rest by the member's.
type link[M any] struct {
	member    *Member[M]
	entry     *entry[M]
	index     int32
	waiting   uint16 // Adds that wait for Changed
	confirmed bool   // an Add of it has returned nil
}

var seed = maphash.MakeSeed()

func (r *Registry[M]) shard(group string) *shard[M] {
	return &r.shards[maphash.String(seed, group)%shardCount]
}

// NewMember returns a member that is in no group yet. It costs nothing to forget one that is in none.
func (r *Registry[M]) NewMember(value M) *Member[M] {
	return &Member[M]{registry: r, value: value}
}

// Add puts m, a member made by this Registry, into the group; being in it already is no error. It returns
// [ErrMemberClosed] after [Member.Close]. Without Changed it never blocks and ignores ctx; otherwise it may wait for a
// confirmation, and ctx bounds that wait: when it ends first, the Add is undone and ctx's error returned.
func (r *Registry[M]) Add(ctx context.Context, group string, m *Member[M]) error {
	l, wait, err := r.join(ctx, group, m)
	if wait == nil {
		return err
	}
	select {
	case <-wait.done:
		err = wait.err
	case <-ctx.Done():
		err = ctx.Err()
	}
	return m.settle(l, err)
}

// Discard takes m out of the group and reports whether it was in it. It never waits for Changed.
func (r *Registry[M]) Discard(group string, m *Member[M]) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.find(group)
	if l == nil {
		return false
	}
	m.forget(l)
	r.leave(l)
	return true
}

// Members returns the values of the group's members, in no particular order. The slice is a snapshot that other callers
// share: it must not be modified.
func (r *Registry[M]) Members(group string) []M {
	s := r.shard(group)
	s.mu.RLock()
	defer s.mu.RUnlock()
	e := s.groups[group]
	if e == nil || len(e.values) == 0 {
		return nil
	}
	if !e.shared.Load() {
		e.shared.Store(true)
	}
	return slices.Clip(e.values)
}

// Groups returns the names of all groups that have a member, sorted.
func (r *Registry[M]) Groups() []string {
	var names []string
	for i := range r.shards {
		s := &r.shards[i]
		s.mu.RLock()
		for name, e := range s.groups {
			if len(e.values) > 0 {
				names = append(names, name)
			}
		}
		s.mu.RUnlock()
	}
	slices.Sort(names)
	return names
}

// Len returns how many groups have a member, and how many memberships there are in all.
func (r *Registry[M]) Len() (groups, memberships int) {
	for i := range r.shards {
		s := &r.shards[i]
		s.mu.RLock()
		for _, e := range s.groups {
			if len(e.values) > 0 {
				groups++
				memberships += len(e.values)
			}
		}
		s.mu.RUnlock()
	}
	return groups, memberships
}

// Wait blocks until no call of Changed is running or due, or ctx is done, whose error it then returns. Whoever sets
// Changed calls it before discarding the Registry.
func (r *Registry[M]) Wait(ctx context.Context) error { return r.work.wait(ctx) }

// join makes m's link, and returns what to wait for before the Add may return nil.
func (r *Registry[M]) join(ctx context.Context, group string, m *Member[M]) (*link[M], *round, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, nil, ErrMemberClosed
	}
	l := m.find(group)
	if l != nil && (r.Changed == nil || l.confirmed) {
		return nil, nil, nil
	}
	s := r.shard(group)
	s.mu.Lock()
	defer s.mu.Unlock()
	if l == nil {
		l = &link[M]{member: m, entry: s.entry(group, r.Changed != nil)}
		l.entry.add(l)
		m.links = append(m.links, l)
		m.remember(group, l)
	}
	if r.Changed == nil {
		return nil, nil, nil
	}
	wait := l.entry.sub.confirmation()
	if wait == nil {
		l.confirmed = true
		return nil, nil, nil
	}
	l.waiting++
	r.kick(ctx, s, l.entry)
	return l, wait, nil
}

// leave takes l out of its entry. The member's lock is held, and the member has forgotten l.
func (r *Registry[M]) leave(l *link[M]) {
	s := r.shard(l.entry.name)
	s.mu.Lock()
	defer s.mu.Unlock()
	l.entry.remove(l)
	if len(l.entry.values) > 0 {
		return
	}
	if l.entry.sub != nil {
		r.kick(context.Background(), s, l.entry)
		return
	}
	s.drop(l.entry)
}

func (s *shard[M]) entry(group string, subscribed bool) *entry[M] {
	e := s.groups[group]
	if e != nil {
		return e
	}
	e = &entry[M]{name: group}
	if subscribed {
		e.sub = new(subscription)
	}
	if s.groups == nil {
		s.groups = make(map[string]*entry[M])
	}
	s.groups[group] = e
	return e
}

// drop forgets an empty group, and with the last one the map, which never shrinks by itself.
func (s *shard[M]) drop(e *entry[M]) {
	delete(s.groups, e.name)
	if len(s.groups) == 0 {
		s.groups = nil
	}
}

func (e *entry[M]) add(l *link[M]) {
	l.index = int32(len(e.values))
	e.values = append(e.values, l.member.value)
	e.links = append(e.links, l)
}

func (e *entry[M]) remove(l *link[M]) {
	last := len(e.values) - 1
	if e.shared.Load() || last < cap(e.values)/4 {
		e.values = append(make([]M, 0, last+last/4+1), e.values...)
		e.shared.Store(false)
	}
	if last < cap(e.links)/4 {
		e.links = append(make([]*link[M], 0, last+last/4+1), e.links...)
	}
	moved := e.links[last]
	e.values[l.index], e.links[l.index] = e.values[last], moved
	moved.index = l.index
	var none M
	e.values[last], e.links[last] = none, nil
	e.values, e.links = e.values[:last], e.links[:last]
}
