package redislayer

import (
	"context"
	"errors"
	"slices"
	"time"
)

// assertAtOnce is how many groups one script asserts: few enough to hold up nobody for long, and to stay within the thousand
// arguments that some servers allow.
const assertAtOnce = 200

// counterLife is how long a reader's counter lives without being renewed; drainScript says the same. So does the key that
// ends its takes, for which a moment would do.
const counterLife = time.Minute

// assertAll asserts all memberships on this server, and ends those that it should have been told the end of. It returns
// those that the server had and has lost.
func (p *coreSession) assertAll() (lost []membership, err error) {
	begun, subs := time.Now(), &p.shard.layer.subs
	for some := range slices.Chunk(subs.owed(p.shard), assertAtOnce) {
		p.leaveSome(some)
	}
	for some := range slices.Chunk(subs.of(p.shard), assertAtOnce) {
		missing, err := p.assertSome(some)
		if err != nil {
			return lost, err
		}
		for _, m := range missing {
			if m.confirmed && subs.has(m) { // or it has just left
				lost = append(lost, m)
			}
		}
	}
	p.shard.asserted.Store(&begun)
	return lost, nil
}

// leaveSome ends memberships, or owes that.
func (p *coreSession) leaveSome(all []membership) {
	l := p.shard.layer
	ctx, cancel := l.limit(p.ctx)
	defer cancel()
	if err := p.leave(ctx, l.id, all, ""); err != nil {
		l.subs.owe(all...)
	}
}

// assertSome asserts memberships, and takes those back that are no longer wanted when that is done.
func (p *coreSession) assertSome(all []membership) (missing []membership, err error) {
	l := p.shard.layer
	ctx, cancel := l.limit(p.ctx)
	defer cancel()
	if missing, err = p.assert(ctx, all); err != nil {
		return nil, err
	}
	var ended []membership
	for _, m := range all {
		if !l.subs.has(m) {
			ended = append(ended, m)
		}
	}
	if ended != nil {
		p.leaveSome(ended)
	}
	return missing, nil
}

// beat keeps looking at the server until the session ends: whether it answers, whether it has forgotten us, what its clock
// says. It renews the memberships, and then looks for the dead: others may just have lost the server too, and by then they
// are back.
func (p *coreSession) beat() {
	l := p.shard.layer
	probe, lease := time.NewTicker(l.opts.ProbeInterval), time.NewTicker(l.leaseBeat())
	defer probe.Stop()
	defer lease.Stop()
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-probe.C:
			if p.probe() {
				p.renew(true)
			}
		case <-lease.C:
			if p.renew(false) {
				p.reap(l.leaseBeat() / 2)
			}
		}
	}
}

// probe asks the server, and reports whether it has no ledger of ours: then it may have forgotten us.
//
// Calls and the reader have a connection each, and one that is made again may lead to another server, by a name or a
// balancer. That one does not have the reader's counter. After a FLUSHALL none has, until the reader's next take.
func (p *coreSession) probe() (forgotten bool) {
	ctx, cancel := context.WithTimeoutCause(p.ctx, p.answerWait(), errTimeLimit)
	defer cancel()
	l, b, begun, counted := p.shard.layer, p.client.B(), time.Now(), p.counted.Load()
	res, err := p.do(ctx, b.Expire().Key(l.ledger(l.id)).Seconds(seconds(ledgerLife)).Build(), b.Time().Build(),
		b.Expire().Key(p.counter).Seconds(seconds(counterLife)).Build())
	if err != nil {
		p.fail(err)
		return false
	}
	if n, err := res[2].AsInt64(); err != nil || n != 0 || !counted {
		p.together = begun
	} else if begun.Sub(p.together) > p.silence() {
		p.fail(&elsewhereError{p.together})
		return false
	}
	l.leavers.end(0)
	_ = p.shard.clock.set(res[1])
	n, err := res[0].AsInt64()
	return err == nil && n == 0
}

// renew renews the memberships, and reports whether that succeeded. Those that the server has lost concern their groups'
// channels, and nobody else. forgotten says that it seems to have lost everything.
func (p *coreSession) renew(forgotten bool) bool {
	l, since := p.shard.layer, *p.shard.asserted.Load()
	lost, err := p.assertAll()
	if err != nil && p.ctx.Err() == nil && !errors.Is(err, errTimeLimit) {
		l.events.log.Warn("redislayer: memberships were not renewed", "server", p.shard.name(), "error", err)
	}
	if len(lost) > 0 {
		l.events.log.Warn("redislayer: the server had lost memberships", "server", p.shard.name(), "groups", len(lost))
		l.tellLost(p.shard, lost, since)
		if !forgotten && l.removed.Add(1) == removedOften {
			l.events.log.Warn("redislayer: somebody removes memberships again and again: Options.GroupExpiry must be the group_expiry of all Python processes, and no sender's clock ahead by more than Options.ClockSkew",
				"GroupExpiry", l.opts.GroupExpiry, "ClockSkew", l.opts.ClockSkew)
		}
	}
	return err == nil
}

// removedOften is how many renewals that find memberships gone are no accident.
const removedOften = 3
