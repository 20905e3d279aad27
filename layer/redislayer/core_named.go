package redislayer

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/redis/rueidis"

	"github.com/gochannels/channels/layer"
)

// coreNamed are the named channels that this process sends to or receives from.
type coreNamed struct {
	next atomic.Uint64 // the server to send to: one after the other, as Python does

	mu    sync.Mutex
	open  map[string]*coreQueue // that somebody receives from
	pumps sync.WaitGroup
}

// coreQueue is a named channel that somebody receives from. Its pump takes messages out of Redis as long as somebody does.
type coreQueue struct {
	layer *Core
	name  string

	// waiting is guarded by the coreNamed's lock.
	waiting []*coreWaiter
}

// coreWaiter is one Receive.
type coreWaiter struct {
	got chan layer.Envelope // of capacity 1
}

// Receive takes one message from the named channel, and blocks until there is one. Messages that cannot be decoded are
// dropped. While a server is away, it waits.
func (l *Core) Receive(ctx context.Context, channel string) (layer.Envelope, error) {
	if err := l.begin(ctx); err != nil {
		return layer.Envelope{}, err
	}
	if err := layer.CheckChannelName(channel); err != nil {
		return layer.Envelope{}, err
	}
	if strings.Contains(channel, "!") {
		return layer.Envelope{}, &layer.NameError{Kind: "channel", Name: channel, Rule: "a name with '!' is read from its mailbox, not by name"}
	}
	w, ok := l.named.join(l, channel)
	if !ok {
		return layer.Envelope{}, layer.ErrClosed
	}
	var err error
	select {
	case e := <-w.got:
		return e, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-l.done:
		err = layer.ErrClosed
	}
	if l.named.leave(channel, w) {
		return layer.Envelope{}, err
	}
	return <-w.got, nil // it had been given one
}

// join adds a receiver, unless the layer is closed.
func (n *coreNamed) join(l *Core, channel string) (*coreWaiter, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if l.closed.Load() {
		return nil, false
	}
	w := &coreWaiter{got: make(chan layer.Envelope, 1)}
	if q := n.open[channel]; q != nil {
		q.waiting = append(q.waiting, w)
		return w, true
	}
	if n.open == nil {
		n.open = make(map[string]*coreQueue)
	}
	q := &coreQueue{layer: l, name: channel, waiting: []*coreWaiter{w}}
	n.open[channel] = q
	n.pumps.Go(q.pump)
	return w, true
}

// end ends the pumps of a layer that is closed, and waits until they have put back what they have taken for nobody.
func (n *coreNamed) end(ctx context.Context, l *Core) {
	n.mu.Lock()
	waits := len(n.open)
	n.mu.Unlock()
	for _, s := range l.shards {
		if p := s.session.Load(); p != nil && waits > 0 {
			l.work.Go(func() { p.endWaits(ctx, waits) })
		}
	}
	ended := make(chan struct{})
	l.work.Go(func() {
		n.pumps.Wait()
		close(ended)
	})
	select {
	case <-ended:
	case <-ctx.Done():
	}
}

// leave takes a receiver back, and reports false if it has been given a message.
func (n *coreNamed) leave(channel string, w *coreWaiter) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	q := n.open[channel]
	if q == nil {
		return false
	}
	i := slices.Index(q.waiting, w)
	if i < 0 {
		return false
	}
	q.waiting = slices.Delete(q.waiting, i, i+1)
	return true
}

// wanted returns how many messages there are receivers for, and none when the layer is closed: they leave by themselves. When
// there are none and last is set, the queue ends.
func (q *coreQueue) wanted(last bool) int {
	n := &q.layer.named
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(q.waiting) == 0 && last {
		delete(n.open, q.name)
	}
	if q.layer.closed.Load() {
		return 0
	}
	return len(q.waiting)
}

// give hands a message to the receiver that has waited longest, and reports false if there is none.
func (q *coreQueue) give(e layer.Envelope) bool {
	n := &q.layer.named
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(q.waiting) == 0 {
		return false
	}
	w := q.waiting[0]
	q.waiting = slices.Delete(q.waiting, 0, 1)
	q.layer.count(q.name, e)
	w.got <- e
	return true
}

// count counts a message that is taken by name as one that went through a mailbox.
func (l *Core) count(channel string, e layer.Envelope) {
	box := layer.NewMailbox(channel, &layer.MailboxOptions{Counters: &l.counters})
	l.counters.Routed(1)
	_ = box.Deliver(e)
	_, _ = box.TryReceive()
}

// send puts a message into a named channel's key on the next server, and reports true if the channel is full. What is on
// several servers has scores by one clock, so that their order can be told.
func (n *coreNamed) send(ctx context.Context, l *Core, channel string, e layer.Envelope) (full bool, err error) {
	payload, err := l.codec.Encode(e, nil)
	if err != nil {
		return false, err
	}
	index := int((n.next.Add(1) - 1) % uint64(len(l.shards)))
	capacity := l.capacities.Of(channel)
	if len(l.shards) > 1 {
		if capacity -= l.elsewhere(ctx, channel, index); capacity <= 0 {
			return true, nil
		}
	}
	p, err := l.shards[index].await(ctx)
	if err != nil {
		return false, err
	}
	at := p.shard.clock.given()
	if len(l.shards) > 1 {
		at = score(l.shards[0].clock.next())
	}
	refused, err := p.deliver(ctx, []parcel{{key: l.key(channel), payload: payload, capacity: capacity}}, at)
	return len(refused) > 0, err
}

// elsewhere returns how many messages a named channel holds on all servers but one. Python's capacity is one server's. One
// that does not say counts as empty: what it has no part in shall not fail with it.
func (l *Core) elsewhere(ctx context.Context, channel string, but int) int {
	var total atomic.Int64
	var wait sync.WaitGroup
	for i, s := range l.shards {
		if i != but {
			wait.Go(func() {
				n, _ := s.card(ctx, channel)
				total.Add(n)
			})
		}
	}
	wait.Wait()
	return int(total.Load())
}

func (s *coreShard) card(ctx context.Context, channel string) (int64, error) {
	p, err := s.await(ctx)
	if err != nil {
		return 0, err
	}
	l := s.layer
	trim := strconv.FormatInt((s.clock.now()-l.expiry().Microseconds())/1e6, 10)
	res, err := p.eval(ctx, cardScript, invocation{keys: []string{l.key(channel)}, args: []string{trim}})
	if err != nil {
		return 0, err
	}
	return res[0].AsInt64()
}

// putBack returns a message to the key it was taken from, where its place is as before.
func (q *coreQueue) putBack(p *coreSession, x entry) {
	l := q.layer
	ctx, cancel := l.limit(context.Background())
	defer cancel()
	b, key := p.client.B(), l.key(q.name)
	_, err := p.do(ctx,
		b.Zadd().Key(key).ScoreMember().ScoreMember(x.score, x.payload).Build(),
		b.Expire().Key(key).Seconds(seconds(l.expiry())).Build())
	if err != nil {
		l.events.log.Warn("redislayer: a message that nobody waited for any more was lost", "channel", q.name, "error", err)
	}
}

// pairs reads an answer to ZPOPMIN.
func pairs(r rueidis.RedisResult) ([]entry, error) {
	all, err := r.ToArray()
	if err != nil {
		return nil, err
	}
	var entries []entry
	for i := 0; i+1 < len(all); i += 2 {
		text, err := all[i].ToString()
		if err != nil {
			return entries, err
		}
		at, _ := all[i+1].AsFloat64()
		entries = append(entries, entry{score: at, payload: text})
	}
	return entries, nil
}
