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
// Options.ClockSkew and leaseSlack. That is not shorter because the clock that judges is the sender's: one that is ahead by
// ClockSkew would take every member for dead, and its messages would be lost in silence.
//
// Go judges by the server's clock. A process that has not renewed its memberships for leaseStale is taken out of all its
// groups by whichever other Go process finds it in the list: see core_ledger.go. And a group in which Go processes alone
// are expires after leaseStale and a beat as a whole, unless group_expiry is below leaseTold. So within 30 s of a kill -9
// nothing is written for the dead process any more, unless no Go process is left at all, and the group has Python members:
// then it is ClockSkew and leaseSlack, as what Redis can do by itself is let a whole key expire.
const (
	leaseBeat  = 6 * time.Second
	leaseStale = 3 * leaseBeat
	leaseShort = leaseStale + leaseBeat
	leaseSlack = leaseBeat + 4*time.Second
	// leaseRound is a bound of scores that all Go processes' are below, and Python's above for all but the end of their time.
	leaseRound = defaultClockSkew + leaseSlack + time.Second
	// leaseTold is a group_expiry of which that end is a small part. Below it, a group expires after group_expiry.
	leaseTold = 15 * time.Minute
)

// changed keeps Redis in step with the registry.
func (l *Core) changed(ctx context.Context, groupName string, want bool) error {
	ctx, cancel := l.limit(ctx)
	defer cancel()
	s := l.shardOf(groupName)
	if !want {
		m, ok := l.subs.remove(groupName)
		if !ok {
			return nil
		}
		err := errNoSession
		if p := s.session.Load(); p != nil {
			err = p.leave(ctx, l.id, []membership{m}, "")
		}
		if err != nil {
			l.subs.owe(m) // what comes by it meanwhile is for nobody
		}
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
	l, t := p.shard.layer, p.shard.lease()
	run := l.holding(l.id, all)
	run.args = append(run.args, score(t.score), "("+score(t.fresh), seconds10(t.short), seconds10(l.opts.GroupExpiry),
		l.id, score(t.ends), seconds10(ledgerLife))
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

// leaseTimes are the scores of memberships as of now, and when leases that are renewed now end, in microseconds, and the
// expiry of a group that has Go members alone.
type leaseTimes struct {
	expired, score, fresh, ends int64
	short                       time.Duration
}

// lease computes them. Where group_expiry is as short as a lease, a membership looks as Python's do.
func (s *coreShard) lease() leaseTimes {
	expiry := s.layer.opts.GroupExpiry
	now := s.clock.now()
	t := leaseTimes{expired: now - expiry.Microseconds(), short: leaseShort}
	t.score = t.expired + min(max(s.layer.opts.ClockSkew+leaseSlack, leaseShort), expiry).Microseconds()
	t.ends = now + min(leaseStale, expiry/2).Microseconds()
	t.fresh = t.expired + leaseRound.Microseconds()
	if expiry < leaseTold {
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
	s := l.shardOf(groupName)
	p, err := s.await(ctx)
	if err != nil {
		return err
	}
	key, b := l.groupKey(groupName), p.client.B()
	res, err := p.do(ctx,
		b.Zadd().Key(key).ScoreMember().ScoreMember(float64(s.clock.now())/1e6, channel).Build(),
		b.Expire().Key(key).Seconds(seconds(l.opts.GroupExpiry)).Build())
	if err == nil {
		err = res[0].Error()
	}
	return doubt(err)
}

// removeMember removes a channel by its own name.
func (l *Core) removeMember(ctx context.Context, groupName, channel string) error {
	p, err := l.shardOf(groupName).await(ctx)
	if err != nil {
		return err
	}
	res, err := p.do(ctx, p.client.B().Zrem().Key(l.groupKey(groupName)).Member(channel).Build())
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
