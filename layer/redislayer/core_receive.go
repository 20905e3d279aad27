package redislayer

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"sync"
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

// takes is how many requests for messages are under way at a time, one behind the other on one connection. So the next is in
// force at the server when one is answered: a process that is held up for a while, as others have the processor, loses
// nothing to a key that is full. Each is good for what comes at a time, which most often is one message.
const takes = 64

// reader takes the messages out of this process' keys on one server.
type reader struct {
	p *coreSession

	mu      sync.Mutex
	next    int64         // number of the take to deliver next, by the server's count; 0 while it has not begun to
	pending map[int64]got // takes that were answered before their turn
	held    []entry       // taken, but a key may still hold some that come before them
}

// got is the answer to a take.
type got struct {
	first []rueidis.RedisMessage // what BZPOPMIN waited for
	found []rueidis.RedisMessage // what was there besides, after the number of the take
	at    int64                  // when, by the server's clock
	take  uint64                 // coreLeavers'
}

// read takes messages until the session ends. While there are none, one command waits for the first; with its answer comes
// that of a script that takes all others.
//
// It reads the same keys on every server: a Python process that sends to a channel looks for its server by the whole name.
// The names that we choose lead it to our home all the same, but a name may be made up by others.
func (p *coreSession) read() {
	r := &reader{p: p, pending: make(map[int64]got)}
	var work sync.WaitGroup
	for range takes {
		work.Go(func() { r.run(p.takeWait()) })
	}
	work.Go(func() { r.watch(p.silence()) })
	work.Wait()
}

// run makes one take after the other.
func (r *reader) run(wait time.Duration) {
	p, l := r.p, r.p.shard.layer
	for p.ctx.Err() == nil {
		var g got
		if p.shard.index == l.names.home {
			g.take = l.leavers.begin()
		}
		if err := r.take(&g, wait); err != nil {
			p.fail(err)
			return
		}
		if !r.order(g) {
			return
		}
	}
}

// watch ends the session if no take is delivered for too long.
func (r *reader) watch(limit time.Duration) {
	tick := time.NewTicker(limit / 16)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-r.p.ctx.Done():
			return
		}
		if time.Since(r.p.heardLast()) > limit {
			r.p.fail(errTimeLimit)
		}
	}
}

// take waits for a message and takes all others there are.
func (r *reader) take(g *got, wait time.Duration) error {
	p, l := r.p, r.p.shard.layer
	run := invocation{keys: append(slices.Clip(l.keys), p.stop, p.counter), args: []string{strconv.Itoa(drainAtOnce)}}
	b := p.ear.B()
	// It is not marked as blocking, for it shall share its connection. Redis 5 knows no parts of a second.
	first := b.Arbitrary("BZPOPMIN").Keys(p.stop).Keys(l.keys...).Args(seconds10(wait)).Build()
	drain := b.Evalsha().Sha1(drainScript.sha).Numkeys(int64(len(run.keys))).Key(run.keys...).Arg(run.args...).Build()
	res := p.ear.DoMulti(p.ctx, first, drain)
	var err error
	g.first, err = res[0].ToArray()
	if _, refused := rueidis.IsRedisErr(err); refused {
		l.events.refuse(err) // a key is no sorted set: the script deletes it
	} else if err != nil && !rueidis.IsRedisNil(err) {
		return err
	}
	last := res[1]
	if e, ok := rueidis.IsRedisErr(last.Error()); ok && e.IsNoScript() {
		ctx, cancel := l.limit(p.ctx)
		defer cancel()
		again, err := p.do(ctx, p.evalBody(drainScript, run))
		if err != nil {
			return err
		}
		last = again[0]
	}
	g.found, err = last.ToArray()
	return err
}

// order delivers takes in the order in which the server has answered them.
func (r *reader) order(g got) bool {
	if len(g.found) < 3 {
		return true
	}
	number, _ := g.found[0].AsInt64()
	begun, _ := g.found[1].AsInt64()
	g.at, _ = g.found[2].AsInt64()
	g.found = g.found[3:]
	r.p.counted.Store(number > 0)
	r.mu.Lock()
	defer r.mu.Unlock()
	if begun == 1 && !r.begin(number) {
		return false
	}
	if number == 0 || number < r.next { // from before a FLUSHALL
		return r.hand(g)
	}
	r.pending[number] = g
	for {
		g, ok := r.pending[r.next]
		if !ok {
			return true
		}
		delete(r.pending, r.next)
		r.next++
		if !r.hand(g) {
			return false
		}
	}
}

// begin starts to count anew, behind what is left of the last count.
func (r *reader) begin(number int64) bool {
	for _, n := range slices.Sorted(maps.Keys(r.pending)) {
		if n < number {
			g := r.pending[n]
			delete(r.pending, n)
			if !r.hand(g) {
				return false
			}
		}
	}
	r.next = number
	return true
}

// hand puts a take into the inbox, and reports false if the session has ended.
func (r *reader) hand(g got) bool {
	r.p.hear()
	b := batch{since: *r.p.emptied.Load()}
	if more := r.accept(g.first, g.found, &b); !more {
		b.take = g.take
		at := r.p.shard.clock.when(g.at)
		r.p.emptied.Store(&at)
	}
	return r.p.shard.inbox.put(r.p.ctx, b)
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
