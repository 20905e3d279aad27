package redislayer

import (
	"context"
	"strings"
	"time"
)

// What a dead process leaves behind.
//
// Each membership of a process also stands in its ledger on the group's server, a set which the same script writes. A
// sorted set beside it lists the processes that have a ledger there, with the time at which their leases end. With every
// beat, each process looks for leases that have ended, and takes those processes out of their groups, a few hundred at a
// time, whatever its own groups are.
//
// Each step is one script, which looks at the lease again and may be repeated: it does not matter how many do it, nor where
// one of them stops. Who was only away finds its memberships missing when it renews them, makes them again, lease and
// ledger too, and tells its channels. A ledger that nobody reads expires, later than the memberships in it.
const ledgerLife = defaultClockSkew + leaseSlack + 20*time.Second

// ledger returns the key of the ledger of a process.
func (l *Core) ledger(process string) string { return l.key(":go:" + process) }

// processes returns the key of the list, which is no process' name.
func (l *Core) processes() string { return l.key(":go:processes") }

// holding begins a run of a script about memberships of a process.
func (l *Core) holding(process string, all []membership) invocation {
	run := invocation{keys: make([]string, 0, len(all)+2), args: make([]string, 0, len(all)+7)}
	for _, m := range all {
		run.keys = append(run.keys, l.groupKey(m.group))
		run.args = append(run.args, m.member)
	}
	run.keys = append(run.keys, l.ledger(process), l.processes())
	return run
}

// leave ends memberships of a process. With a time it does so only if the process' lease has ended by then.
func (p *coreSession) leave(ctx context.Context, process string, all []membership, by string) error {
	run := p.shard.layer.holding(process, all)
	run.args = append(run.args, process, by)
	res, err := p.eval(ctx, leaveScript, run)
	if err != nil {
		return err
	}
	return res[0].Error()
}

// reap takes processes that have died out of their groups, for a limited time.
func (p *coreSession) reap(limit time.Duration) {
	for begun := time.Now(); time.Since(begun) < limit; {
		more, err := p.reapSome()
		if err != nil && p.ctx.Err() == nil {
			p.shard.layer.events.log.Warn("redislayer: could not look for processes that have died", "server", p.shard.name(), "error", err)
		}
		if err != nil || !more {
			return
		}
	}
}

// reapSome does so for some groups of one process, and reports whether there may be more to do.
func (p *coreSession) reapSome() (more bool, err error) {
	l, now := p.shard.layer, score(p.shard.clock.now())
	ctx, cancel := l.limit(p.ctx)
	defer cancel()
	b := p.client.B()
	res, err := p.do(ctx, b.Zrangebyscore().Key(l.processes()).Min("-inf").Max(now).Limit(0, 2).Build())
	if err != nil {
		return false, err
	}
	dead, err := res[0].AsStrSlice()
	if len(dead) > 0 && dead[0] == l.id {
		dead = dead[1:]
	}
	if err != nil || len(dead) == 0 {
		return false, err
	}
	res, err = p.do(ctx, b.Srandmember().Key(l.ledger(dead[0])).Count(assertAtOnce).Build())
	if err != nil {
		return false, err
	}
	entries, _ := res[0].AsStrSlice() // if it is no ledger, all there is to do is to take it off the list
	var all []membership
	var foreign []string
	for _, e := range entries {
		if m, ok := l.readLedger(e); ok {
			all = append(all, m)
		} else {
			foreign = append(foreign, e)
		}
	}
	if foreign != nil {
		if _, err := p.do(ctx, b.Srem().Key(l.ledger(dead[0])).Member(foreign...).Build()); err != nil {
			return false, err
		}
	}
	return true, p.leave(ctx, dead[0], all, now)
}

// readLedger reads an entry: a member and the key of its group.
func (l *Core) readLedger(entry string) (m membership, ok bool) {
	if len(entry) < memberSize {
		return m, false
	}
	m.member = entry[:memberSize]
	m.group, ok = strings.CutPrefix(entry[memberSize:], l.groupKey(""))
	return m, ok
}
