package redislayer

// tellOutage leaves a gap in every mailbox that hears something from a shard that was lost.
func (l *PubSub) tellOutage(s *shard, o outage) {
	l.tell("redis: "+o.cause.Error(), o.since, func(channel string) bool { return l.shard(channel) == s },
		func(group string) bool { return l.shard(l.groups+group) == s })
}
