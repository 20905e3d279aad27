package redislayer

import "sync"

// membership is a group, and the name of this process in it.
type membership struct {
	group, member string
	confirmed     bool // the server has had it
}

// coreSubs are the memberships that this process has, or is about to have, in Redis.
type coreSubs struct {
	mu     sync.RWMutex
	groups map[string]membership // by group
	names  map[string]string     // groups by member
	left   []membership          // those that have ended, and that a server may still have
}

// add returns the membership of this process in a group, and makes one of that name if there is none.
func (s *coreSubs) add(group string, name func(group string) string) membership {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m, ok := s.groups[group]; ok {
		return m
	}
	if s.groups == nil {
		s.groups, s.names = make(map[string]membership), make(map[string]string)
	}
	m := membership{group: group, member: name(group)}
	s.groups[group], s.names[m.member] = m, group
	return m
}

func (s *coreSubs) confirm(m membership) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now, ok := s.groups[m.group]; ok && now.member == m.member {
		now.confirmed = true
		s.groups[m.group] = now
	}
}

func (s *coreSubs) remove(group string) (m membership, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok = s.groups[group]
	if ok {
		delete(s.groups, group)
		delete(s.names, m.member)
	}
	if len(s.groups) == 0 {
		s.groups, s.names = nil, nil
	}
	return m, ok
}

// owe keeps memberships that the server could not be told the end of.
func (s *coreSubs) owe(all ...membership) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = append(s.left, all...)
}

// owed takes those of a shard.
func (s *coreSubs) owed(shard *coreShard) []membership {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all, rest []membership
	for _, m := range s.left {
		if shard.layer.shardOf(m.group) == shard {
			all = append(all, m)
		} else {
			rest = append(rest, m)
		}
	}
	s.left = rest
	return all
}

// group returns the group that a member is this process' name in.
func (s *coreSubs) group(member string) (string, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	g, ok := s.names[member]
	return g, ok
}

// member returns the name of this process in a group.
func (s *coreSubs) member(group string) (string, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	m, ok := s.groups[group]
	return m.member, ok
}

// has reports whether the membership still is wanted.
func (s *coreSubs) has(m membership) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.names[m.member] == m.group && m.group != ""
}

// of returns all on a shard.
func (s *coreSubs) of(shard *coreShard) []membership {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []membership
	for g, m := range s.groups {
		if shard.layer.shardOf(g) == shard {
			all = append(all, m)
		}
	}
	return all
}
