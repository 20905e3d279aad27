package redislayer

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/redis/rueidis"
)

// drainAtOnce is how many messages of a key are taken in one round trip.
const drainAtOnce = 500

// entry is one message out of one of our keys.
type entry struct {
	score   float64
	key     int
	payload string
}

// reader takes the messages out of this process' keys on one server.
type reader struct {
	p    *coreSession
	held []entry // taken, but a key may still hold some that come before them
	wait rueidis.Completed
}

// read takes messages until the session ends. While there are none, one command waits for the first; with its answer comes
// that of a script that takes all others, so that a batch costs one round trip.
//
// It reads the same keys on every server: a Python process that sends to a channel looks for its server by the whole name.
// The names that we choose lead it to our home all the same, but a name may be made up by others.
func (p *coreSession) read() {
	l := p.shard.layer
	r := &reader{p: p}
	timeout := max(l.opts.ProbeInterval, time.Second)
	r.wait = p.client.B().Bzpopmin().Key(l.keys...).Timeout(float64(seconds(timeout))).Build().Pin() // Redis 5 knows no parts of one
	again, take := false, uint64(0)
	for p.ctx.Err() == nil {
		before := time.Now()
		if !again && p.shard.index == l.names.home {
			take = l.leavers.begin()
		}
		first, found, err := r.take(again, timeout+coreSilence)
		if err != nil {
			if p.ctx.Err() == nil {
				p.cancel(err)
			}
			return
		}
		p.shard.hear()
		b := batch{since: before}
		again = r.accept(first, found, &b)
		if !again {
			b.take = take
		}
		if !p.shard.inbox.put(p.ctx, b) {
			return
		}
	}
}

// take waits for a message unless at once is set, and takes all others there are.
func (r *reader) take(atOnce bool, limit time.Duration) (first []rueidis.RedisMessage, found []rueidis.RedisMessage, err error) {
	ctx, cancel := context.WithTimeoutCause(r.p.ctx, limit, errTimeLimit)
	defer cancel()
	l := r.p.shard.layer
	run := invocation{keys: l.keys, args: []string{strconv.Itoa(drainAtOnce)}}
	drain := r.p.client.B().Evalsha().Sha1(drainScript.sha).Numkeys(int64(len(run.keys))).Key(run.keys...).Arg(run.args...).Build()
	var res []rueidis.RedisResult
	if atOnce {
		res = r.p.client.DoMulti(ctx, drain)
	} else {
		res = r.p.client.DoMulti(ctx, r.wait, drain)
		first, err = res[0].ToArray()
		if _, refused := rueidis.IsRedisErr(err); refused {
			l.events.refuse(err) // a key is no sorted set: the script deletes it
		} else if err != nil && !rueidis.IsRedisNil(err) {
			return nil, nil, r.why(ctx, err)
		}
	}
	last := res[len(res)-1]
	if e, ok := rueidis.IsRedisErr(last.Error()); ok && e.IsNoScript() {
		last = r.p.client.Do(ctx, r.p.evalBody(drainScript, run))
	}
	if found, err = last.ToArray(); err != nil {
		return first, nil, r.why(ctx, err)
	}
	return first, found, nil
}

func (r *reader) why(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// accept puts what was taken into a batch, in the order of the scores, and reports whether there is more.
func (r *reader) accept(first, found []rueidis.RedisMessage, b *batch) (more bool) {
	l := r.p.shard.layer
	if len(first) == 3 {
		name, _ := first[0].ToString()
		if key := slices.Index(l.keys, name); key >= 0 {
			b.found[key]++
			r.add(key, &first[1], &first[2])
		}
	}
	bound := math.Inf(1)
	for _, f := range found {
		parts, err := f.ToArray()
		if err != nil || len(parts) != 3 {
			continue
		}
		key, _ := parts[0].AsInt64()
		n, _ := parts[1].AsInt64()
		pairs, _ := parts[2].ToArray()
		if key < 1 || key > coreKeys {
			continue
		}
		b.found[key-1] += n
		for i := 0; i+1 < len(pairs); i += 2 {
			r.add(int(key-1), &pairs[i], &pairs[i+1])
		}
		if n > drainAtOnce {
			more = true
			bound = min(bound, r.held[len(r.held)-1].score)
		}
	}
	slices.SortStableFunc(r.held, func(a, b entry) int { return cmp.Compare(a.score, b.score) })
	n := len(r.held)
	if more {
		n, _ = slices.BinarySearchFunc(r.held, bound, func(e entry, b float64) int { return cmp.Compare(e.score, b) })
	}
	b.entries = slices.Clone(r.held[:n])
	rest := copy(r.held, r.held[n:])
	clear(r.held[rest:])
	r.held = r.held[:rest]
	return more
}

func (r *reader) add(key int, payload, at *rueidis.RedisMessage) {
	text, err := payload.ToString()
	if err != nil {
		return
	}
	when, _ := at.AsFloat64()
	r.held = append(r.held, entry{score: when, key: key, payload: text})
}
