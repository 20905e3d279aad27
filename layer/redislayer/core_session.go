package redislayer

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// coreSession is one client of one server: a connection that calls share, and such as wait for messages. It ends as a whole,
// when a reader's connection breaks or nothing is answered for too long, and with the layer.
type coreSession struct {
	shard  *coreShard
	client rueidis.Client
	ear    rueidis.Client // its one connection is the reader's
	slots  chan struct{}  // one for each call that is not answered
	ctx    context.Context
	cancel context.CancelCauseFunc
	conns  *connections

	work tasks // its reader, its heartbeat, and what waits for calls that were given up

	heard   atomic.Pointer[time.Time] // when the reader had an answer last
	emptied atomic.Pointer[time.Time] // when its keys were last emptied, or a little earlier
	counted atomic.Bool               // whether the server counts the reader's takes

	counter  string    // the key that counts the reader's takes
	stop     string    // the key that ends them: see stopLast
	idle     string    // the key that ends waits for messages of named channels
	together time.Time // when calls and the reader were last known to reach one server; of beat alone
}

// The client's queue holds twice as many commands as there may be calls at a time, for each of which may be given up.
const (
	coreRing       = 9
	coreUnanswered = 1<<coreRing/2 - 16
)

var (
	errTimeLimit = errors.New("no answer in time")
	errCluster   = errors.New("redislayer: this is a cluster, in which Core's scripts cannot reach their keys: use PubSub, which works there")
)

// elsewhereError ends a session of which calls reach another server than the reader.
type elsewhereError struct{ since time.Time }

func (e *elsewhereError) Error() string {
	return "what is sent goes to another server than what is heard comes from"
}

// connectCore makes a session, and with it asserts everything that this process has said on the server.
func (s *coreShard) connectCore(ctx context.Context) (*coreSession, error) {
	now := time.Now()
	s.asserted.CompareAndSwap(nil, &now)
	p := &coreSession{shard: s, slots: make(chan struct{}, coreUnanswered), together: now}
	p.counter = s.layer.ledger(s.layer.id) + ":" + newID() // what a connection before left behind must not count
	p.stop, p.idle = p.counter+":end", p.counter+":idle"
	p.ctx, p.cancel = context.WithCancelCause(ctx)
	p.conns = newConnections(p.ctx)
	err := p.open()
	if err == nil {
		err = p.restore()
	}
	if err != nil {
		p.close()
		return nil, err
	}
	p.hear()
	p.emptied.Store(p.heard.Load())
	return p, nil
}

// open connects.
func (p *coreSession) open() (err error) {
	option := p.conns.option(p.shard.option, p.shard.layer.opts.CallTimeout, coreRing)
	if p.client, err = rueidis.NewClient(option); err != nil {
		return err
	}
	option.Dialer.KeepAlive = -1 // a PING would wait behind what waits for messages
	p.ear, err = rueidis.NewClient(option)
	return err
}

// hear notes that the server has just answered the reader.
func (p *coreSession) hear() {
	now := time.Now()
	p.heard.Store(&now)
}

// heardLast returns a time up to which everything has been heard.
func (p *coreSession) heardLast() time.Time { return *p.heard.Load() }

// lastSure returns a time up to which everything that was sent has been heard, of a session that has ended. What was heard
// last may have been said long before, if this process was held up.
func (p *coreSession) lastSure() time.Time {
	if e := (*elsewhereError)(nil); errors.As(context.Cause(p.ctx), &e) {
		return e.since
	}
	return *p.emptied.Load()
}

// takeWait is how long a take waits for a message: ProbeInterval, in whole seconds, as Redis 5 knows no parts of them.
func (p *coreSession) takeWait() time.Duration {
	return time.Duration(seconds(p.shard.layer.opts.ProbeInterval)) * time.Second
}

// answerWait is how long a server may take to answer before a session is given up, five seconds if ProbeInterval is three.
func (p *coreSession) answerWait() time.Duration { return p.takeWait() * 5 / 3 }

// silence is how long nothing may be heard: eight seconds then, so that a server that pauses for three is not given up.
func (p *coreSession) silence() time.Duration { return p.takeWait() + p.answerWait() }

// fail ends the session.
func (p *coreSession) fail(err error) { p.cancel(err) }

// restore asks what must be known of the server, and asserts all memberships.
func (p *coreSession) restore() error {
	ctx, cancel := p.shard.layer.limit(p.ctx)
	defer cancel()
	b := p.client.B()
	cmds := []rueidis.Completed{b.Time().Build(), b.Info().Section("cluster").Build()}
	for _, s := range scripts {
		cmds = append(cmds, b.ScriptLoad().Script(s.body).Build()) // an ACL may forbid it; eval does without
	}
	res := p.client.DoMulti(ctx, cmds...)
	if info, err := res[1].ToString(); err == nil && strings.Contains(info, "cluster_enabled:1") {
		return errCluster
	}
	if err := p.shard.clock.set(res[0]); err != nil {
		return err
	}
	if err := p.stopLast(); err != nil {
		return err
	}
	asserted := *p.shard.asserted.Load()
	lost, err := p.assertAll()
	if len(lost) > 0 && p.shard.absent.IsZero() {
		p.shard.absent = asserted
	}
	if e, ok := rueidis.IsRedisErr(err); ok && !unreadable(e) { // it may have no memory left, until we read
		p.shard.layer.events.log.Warn("redislayer: memberships were not renewed", "server", p.shard.name(), "error", e.Error())
		return nil
	}
	return err
}

// stopLast ends what the reader of the session before may still have under way: where a connection was lost on its way, the
// server need not know of it, and would give messages to nobody. Each take finds something in a key that it looks at first,
// and there is more than all need, so that the last one's script finds that key too.
func (p *coreSession) stopLast() error {
	s := p.shard
	if s.last != "" {
		ctx, cancel := s.layer.limit(p.ctx)
		defer cancel()
		b := p.client.B()
		all := b.Zadd().Key(s.last).ScoreMember().ScoreMember(0, "0")
		for i := 1; i <= takes; i++ {
			all = all.ScoreMember(float64(i), strconv.Itoa(i))
		}
		if _, err := p.do(ctx, all.Build(), b.Expire().Key(s.last).Seconds(seconds(counterLife)).Build()); err != nil {
			return err
		}
	}
	s.last = p.stop
	return nil
}

// unreadable says whether a server that answers so has no messages for us either, yet or any more.
func unreadable(e *rueidis.RedisError) bool {
	for _, code := range []string{"LOADING ", "MASTERDOWN ", "READONLY "} {
		if strings.HasPrefix(e.Error(), code) {
			return true
		}
	}
	return false
}

// close ends what the session runs, and disconnects.
func (p *coreSession) close() {
	p.cancel(errNoSession)
	p.work.close()
	p.conns.hangUp()
	p.work.Wait()
	for _, c := range []rueidis.Client{p.client, p.ear} {
		if c != nil {
			c.Close()
		}
	}
}

// do sends commands, in one round trip, and waits for the answers. The error is one of the connection or of ctx, as it is;
// errors of the server are in the results.
func (p *coreSession) do(ctx context.Context, cmds ...rueidis.Completed) ([]rueidis.RedisResult, error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, &unsentError{context.Cause(ctx)}
	}
	res := p.client.DoMulti(ctx, cmds...)
	if ctx.Err() == nil || !p.work.start() {
		<-p.slots
	} else {
		go p.giveUp()
	}
	for _, r := range res {
		if err := r.NonRedisError(); err != nil {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			return nil, err
		}
	}
	return res, nil
}

// giveUp keeps the slot of a call whose caller has gone. What was sent still has its place in the client's queue, and the
// client blocks, whatever the context says, when that is full. The place is free when what was sent behind it is answered.
func (p *coreSession) giveUp() {
	defer p.work.Done()
	_ = p.client.Do(context.Background(), p.client.B().Ping().Build())
	<-p.slots
}

// invocation is one run of a script.
type invocation struct {
	keys, args []string
}

// eval runs a script once for each invocation, in one round trip unless the server has forgotten it. In that case, errors of
// the connection and of ctx are in the results too.
func (p *coreSession) eval(ctx context.Context, s *script, runs ...invocation) ([]rueidis.RedisResult, error) {
	cmds := make([]rueidis.Completed, len(runs))
	for i, r := range runs {
		cmds[i] = p.client.B().Evalsha().Sha1(s.sha).Numkeys(int64(len(r.keys))).Key(r.keys...).Arg(r.args...).Build()
	}
	res, err := p.do(ctx, cmds...)
	if err != nil {
		return nil, err
	}
	for i, r := range res {
		if e, ok := rueidis.IsRedisErr(r.Error()); !ok || !e.IsNoScript() {
			continue
		}
		if again, err := p.do(ctx, p.evalBody(s, runs[i])); err != nil {
			res[i] = rueidis.NewErrorResult(err) // others may have had an effect
		} else {
			res[i] = again[0]
		}
	}
	return res, nil
}

func (p *coreSession) evalBody(s *script, r invocation) rueidis.Completed {
	return p.client.B().Eval().Script(s.body).Numkeys(int64(len(r.keys))).Key(r.keys...).Arg(r.args...).Build()
}

// unsentError is the end of a wait for the permission to send.
type unsentError struct{ cause error }

func (e *unsentError) Error() string {
	return "redislayer: too many calls are unanswered: " + e.cause.Error()
}

func (e *unsentError) Unwrap() error { return e.cause }
