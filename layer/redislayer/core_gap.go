package redislayer

import "time"

// overflowPause is how long a key that was found nearly full is not reported again.
const overflowPause = 5 * time.Second

// tellOutage leaves a gap in every mailbox that the outage of a server concerns: all, if it is our home, else those in a
// group that it has.
func (l *Core) tellOutage(s *coreShard, o outage) {
	l.tell("redis: "+o.cause.Error(), o.since, func(string) bool { return s.index == l.names.home },
		func(group string) bool { return l.shardOf(group) == s })
}

// tellLost does so in those that were in groups of which the server had lost our membership.
func (l *Core) tellLost(s *coreShard, lost []membership, since time.Time) {
	groups := make(map[string]bool, len(lost))
	for _, m := range lost {
		groups[m.group] = true
	}
	l.tell("redis: the server had lost the membership", since, func(string) bool { return false },
		func(group string) bool { return groups[group] })
}

// tellOverflow does so in those whose messages come by a key.
func (l *Core) tellOverflow(key int, since time.Time) {
	l.tell("suspected_overflow", since, func(channel string) bool { return l.names.own(channel) == key },
		func(group string) bool { return l.names.keyOf(group) == key })
}
