package redislayer

import (
	"context"
	"strconv"
	"time"

	"github.com/gochannels/channels/layer"
)

// The life of a membership of this process in Redis.
//
// A Python group_send removes members whose score is older than its own clock less group_expiry. So a member that is
// renewed every leaseBeat gets a score that makes it look old: Python removes it when the process has been dead for
// leaseSkew. That is not shorter because the clock that judges is the sender's: one that is ahead by 90 s would take
// every member for dead, and its messages would be lost in silence.
//
// Go judges by the server's clock and removes a Go process' member after leaseStale: each Go process does so when it sends
// to a group and when it renews its own membership. And a group in which Go processes alone are expires after leaseStale
// and a beat as a whole. So within 30 s of a kill -9 nothing is written for the dead process any more, unless it was the
// only Go process in a group that has Python members, and nobody sends to that from Go: then it is leaseSkew.
const (
	leaseBeat  = 6 * time.Second
	leaseStale = 3 * leaseBeat
	leaseShort = leaseStale + leaseBeat
	leaseSkew  = 100 * time.Second
	// leaseRound is a bound of scores that all Go processes' are below, and Python's above for all but the end of their time.
	leaseRound = leaseSkew + time.Second
)

// changed keeps Redis in step with the registry.
func (l *Core) changed(ctx context.Context, groupName string, want bool) error {
	ctx, cancel := l.limit(ctx)
	defer cancel()
	s := l.shardOf(groupName)
	if !want {
		member, ok := l.subs.remove(groupName)
		if !ok {
			return nil
		}
		// If it fails, the membership ends as that of a dead process does. What comes by it meanwhile is for nobody.
		p := s.session.Load()
		if p == nil {
			return nil
		}
		_, err := p.do(ctx, p.client.B().Zrem().Key(l.groupKey(groupName)).Member(member).Build())
		return doubt(err)
	}
	p, err := s.await(ctx)
	if err != nil {
		return err
	}
	m := l.subs.add(groupName, l.names.newMember)
	if _, err = p.assert(ctx, []membership{m}); err == nil {
		l.subs.confirm(m)
	}
	return doubt(err)
}

// assert adds or renews memberships, and returns those that there were not.
func (p *coreSession) assert(ctx context.Context, all []membership) (missing []membership, err error) {
	run := invocation{keys: make([]string, 0, len(all)), args: make([]string, 0, len(all)+5)}
	l := p.shard.layer
	for _, m := range all {
		run.keys = append(run.keys, l.groupKey(m.group))
		run.args = append(run.args, m.member)
	}
	t := p.shard.lease()
	run.args = append(run.args, score(t.score), score(t.stale), "("+score(t.fresh), seconds10(t.short), seconds10(l.opts.GroupExpiry))
	res, err := p.eval(ctx, assertScript, run)
	if err != nil {
		return nil, err
	}
	indices, err := res[0].AsIntSlice()
	if err != nil {
		return nil, err
	}
	for _, i := range indices {
		if i > 0 && int(i) <= len(all) {
			missing = append(missing, all[i-1])
		}
	}
	return missing, nil
}

func seconds10(d time.Duration) string { return strconv.FormatInt(seconds(d), 10) }

// leaseTimes are the scores of memberships as of now, in microseconds, and the expiry of a group that has Go members alone.
type leaseTimes struct {
	expired, stale, score, fresh int64
	short                        time.Duration
}

// lease computes them. Where group_expiry is as short as a lease, a membership looks as Python's do.
func (s *coreShard) lease() leaseTimes {
	expiry := s.layer.opts.GroupExpiry
	skew, stale := min(leaseSkew, expiry), min(leaseStale, expiry/2)
	now := s.clock.now()
	t := leaseTimes{expired: now - expiry.Microseconds(), short: leaseShort}
	t.score = t.expired + skew.Microseconds()
	t.stale = t.score - stale.Microseconds()
	t.fresh = t.expired + leaseRound.Microseconds()
	if expiry <= leaseRound {
		t.fresh, t.short = 0, expiry
	}
	return t
}

// beat is how often memberships are renewed.
func (l *Core) leaseBeat() time.Duration {
	return max(min(leaseBeat, l.opts.GroupExpiry/6), 50*time.Millisecond)
}

// addNamed adds a named channel, as Python does.
func (l *Core) addNamed(ctx context.Context, groupName, channel string) error {
	call, cancel := l.limit(ctx)
	defer cancel()
	s := l.shardOf(groupName)
	p, err := s.await(call)
	if err != nil {
		return err
	}
	key, b := l.groupKey(groupName), p.client.B()
	res, err := p.do(call,
		b.Zadd().Key(key).ScoreMember().ScoreMember(float64(s.clock.now())/1e6, channel).Build(),
		b.Expire().Key(key).Seconds(seconds(l.opts.GroupExpiry)).Build())
	if err == nil {
		err = res[0].Error()
	}
	return doubt(err)
}

// removeMember removes a channel by its own name.
func (l *Core) removeMember(ctx context.Context, groupName, channel string) error {
	call, cancel := l.limit(ctx)
	defer cancel()
	p, err := l.shardOf(groupName).await(call)
	if err != nil {
		return err
	}
	res, err := p.do(call, p.client.B().Zrem().Key(l.groupKey(groupName)).Member(channel).Build())
	if err == nil {
		err = res[0].Error()
	}
	return doubt(err)
}

// recipients returns the mailboxes that a channel name stands for: a membership's for all members here, any other for
// itself. unknown says that it is that of no channel here.
func (l *Core) recipients(name string) (boxes []*layer.Mailbox, unknown bool) {
	if g, ok := l.subs.group(name); ok {
		return l.registry.Members(g), false
	}
	if m := l.channels.get(name); m != nil {
		return []*layer.Mailbox{m.Value()}, false
	}
	return nil, true
}
