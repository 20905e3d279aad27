package redislayer

import (
	"context"
	"errors"
	"time"

	"github.com/redis/rueidis"
)

// assertAtOnce is how many groups one script asserts: few enough to hold up nobody for long, and to stay within the thousand
// arguments that some servers allow.
const assertAtOnce = 200

// markerLife is how long the marker lives without being renewed.
const markerLife = time.Minute

// mark sets the key whose absence tells that the server has forgotten everything.
func (p *coreSession) mark() rueidis.Completed {
	return p.client.B().Set().Key(p.shard.marker).Value("1").ExSeconds(seconds(markerLife)).Build()
}

// assertAll asserts all memberships on this server, and returns those that it had and has lost.
func (p *coreSession) assertAll() (lost []membership, err error) {
	all := p.shard.layer.subs.of(p.shard)
	for len(all) > 0 {
		n := min(len(all), assertAtOnce)
		missing, err := p.assertSome(all[:n])
		if err != nil {
			return lost, err
		}
		for _, m := range missing {
			if m.confirmed {
				lost = append(lost, m)
			}
		}
		all = all[n:]
	}
	return lost, nil
}

// assertSome asserts memberships, and takes those back that are no longer wanted when that is done.
func (p *coreSession) assertSome(all []membership) (missing []membership, err error) {
	l := p.shard.layer
	ctx, cancel := l.limit(p.ctx)
	defer cancel()
	if missing, err = p.assert(ctx, all); err != nil {
		return nil, err
	}
	var undo []rueidis.Completed
	for _, m := range all {
		if !l.subs.has(m) {
			undo = append(undo, p.client.B().Zrem().Key(l.groupKey(m.group)).Member(m.member).Build())
		}
	}
	if undo != nil {
		_, err = p.do(ctx, undo...)
	}
	return missing, err
}

// beat keeps looking at the server until the session ends: whether it answers, whether it has forgotten us, what its clock
// says. It renews the memberships.
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
			p.renew(false)
		}
	}
}

// probe asks the server, and reports whether it has forgotten us.
func (p *coreSession) probe() (forgotten bool) {
	ctx, cancel := context.WithTimeoutCause(p.ctx, coreSilence, errTimeLimit)
	defer cancel()
	b := p.client.B()
	res, err := p.do(ctx, b.Expire().Key(p.shard.marker).Seconds(seconds(markerLife)).Build(), b.Time().Build(),
		b.Expire().Key(p.counter).Seconds(seconds(markerLife)).Build())
	if err != nil {
		p.fail(err)
		return false
	}
	p.shard.layer.leavers.end(0)
	_ = p.shard.clock.set(res[1])
	n, err := res[0].AsInt64()
	return err == nil && n == 0
}

// renew renews the memberships. Those that the server has lost concern their groups' channels, and nobody else.
func (p *coreSession) renew(forgotten bool) {
	l := p.shard.layer
	since := time.Now().Add(-l.leaseBeat())
	lost, err := p.assertAll()
	if err != nil && p.ctx.Err() == nil && !errors.Is(err, errTimeLimit) {
		l.events.log.Warn("redislayer: memberships were not renewed", "server", p.shard.name(), "error", err)
	}
	if forgotten && err == nil {
		ctx, cancel := l.limit(p.ctx)
		_, _ = p.do(ctx, p.mark())
		cancel()
	}
	if len(lost) > 0 {
		l.events.log.Warn("redislayer: the server had lost memberships", "server", p.shard.name(), "groups", len(lost))
		l.tellLost(p.shard, lost, since)
	}
}
