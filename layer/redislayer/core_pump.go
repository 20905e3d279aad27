package redislayer

import (
	"context"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

const (
	// popAtOnce is how many messages of a named channel are taken in one round trip, if as many receivers wait.
	popAtOnce = 100
	// pumpWait is how long one command waits for a message. Messages that come after the last receiver has left are
	// taken for up to so long, and put back.
	pumpWait = time.Second
	// namedSkew is how much older than Expiry a message in a named channel gets: the clock of its sender may be behind.
	namedSkew = 2 * time.Minute
)

// pump takes messages as long as somebody receives. What is there is taken in the order of the scores; then one command
// waits on each server.
func (q *coreQueue) pump() {
	ended := make(chan int, len(q.layer.shards)) // servers on which waiting has ended
	waits := make([]bool, len(q.layer.shards))
	running := 0
	var work sync.WaitGroup
	defer work.Wait()
	for {
		n := q.wanted(running == 0)
		if n == 0 && running == 0 {
			return
		}
		if n > 0 && q.fetch(n, waits) {
			continue
		}
		if n > 0 {
			for i := range waits {
				if waits[i] {
					continue
				}
				waits[i] = true
				running++
				work.Go(func() {
					q.wait(q.layer.shards[i])
					ended <- i
				})
			}
		}
		i := <-ended
		waits[i] = false
		running--
	}
}

// fetch takes up to n messages that are there, on servers that nothing waits on: there are none on the others. It reports
// whether there were any.
func (q *coreQueue) fetch(n int, waits []bool) bool {
	l := q.layer
	var sessions []*coreSession
	for i, s := range l.shards {
		if p := s.session.Load(); p != nil && !waits[i] {
			sessions = append(sessions, p)
		}
	}
	if len(sessions) == 0 {
		return false
	}
	ctx, cancel := l.limit(context.Background())
	defer cancel()
	p := sessions[0]
	if len(sessions) > 1 {
		if p = q.oldest(ctx, sessions); p == nil {
			return false
		}
		n = 1
	}
	res, err := p.eval(ctx, popScript, invocation{
		keys: []string{l.key(q.name)},
		args: []string{strconv.Itoa(min(n, popAtOnce)), score(p.shard.clock.now() - (l.expiry() + namedSkew).Microseconds())},
	})
	if err != nil {
		return false
	}
	entries, err := pairs(res[0])
	if err != nil {
		l.events.refuse(err)
	}
	for _, x := range entries {
		q.offer(p, x)
	}
	return len(entries) > 0
}

// oldest returns the server that has the message with the lowest score, nil if none has any.
func (q *coreQueue) oldest(ctx context.Context, sessions []*coreSession) *coreSession {
	scores := make([]float64, len(sessions))
	var wait sync.WaitGroup
	for i, p := range sessions {
		wait.Go(func() {
			scores[i] = math.Inf(1)
			res, err := p.do(ctx, p.client.B().Zrange().Key(q.layer.key(q.name)).Min("0").Max("0").Withscores().Build())
			if err != nil {
				return
			}
			if all, err := res[0].AsZScores(); err == nil && len(all) > 0 {
				scores[i] = all[0].Score
			}
		})
	}
	wait.Wait()
	var first *coreSession
	least := math.Inf(1)
	for i, s := range scores {
		if s < least {
			least, first = s, sessions[i]
		}
	}
	return first
}

// wait waits for one message on one server, or for the server.
func (q *coreQueue) wait(s *coreShard) {
	l := q.layer
	p := s.session.Load()
	if p == nil {
		l.rest(pumpWait / 10)
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, pumpWait+p.answerWait())
	defer cancel()
	key := l.key(q.name)
	res := p.client.Do(ctx, p.client.B().Bzpopmin().Key(key, p.idle).Timeout(pumpWait.Seconds()).Build())
	parts, err := res.ToArray()
	if err != nil {
		if !rueidis.IsRedisNil(err) {
			l.rest(pumpWait / 10) // the session finds out by itself
		}
		return
	}
	if len(parts) != 3 {
		return
	}
	if from, _ := parts[0].ToString(); from != key {
		return
	}
	text, err := parts[1].ToString()
	if err != nil {
		return
	}
	at, _ := parts[2].AsFloat64()
	q.offer(p, entry{score: at, payload: text})
}

// endWaits ends n waits for messages, each of which also waits for a key of this session's: as a command that unblocks a
// client is one that an ACL may well forbid.
func (p *coreSession) endWaits(ctx context.Context, n int) {
	b := p.client.B()
	all := b.Zadd().Key(p.idle).ScoreMember()
	for i := range n {
		all = all.ScoreMember(float64(i), strconv.Itoa(i))
	}
	_, _ = p.do(ctx, all.Build(), b.Expire().Key(p.idle).Seconds(seconds(counterLife)).Build())
}

// offer gives a message to a receiver. One that cannot be decoded is dropped, and one that nobody waits for any more is put
// back.
func (q *coreQueue) offer(p *coreSession, x entry) {
	l := q.layer
	e, _, err := l.codec.Decode([]byte(x.payload), time.Now())
	if err != nil {
		l.events.refuse(err)
		return
	}
	if !q.give(e) {
		q.putBack(p, x)
	}
}
