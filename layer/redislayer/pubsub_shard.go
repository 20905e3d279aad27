package redislayer

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/gochannels/channels/layer"
)

// grace is for how long after the loss of a connection calls wait for the next one. Later ones fail at once, so that
// handlers are not held up by a server that stays away.
const grace = 500 * time.Millisecond

// shard is one server: what is to be subscribed there, and the session that does it. Its run connects, and connects again.
type shard struct {
	layer  *PubSub
	index  int
	client rueidis.ClientOption
	probe  string // the channel that this process publishes to and hears itself on
	topics topics
	echoes echoes

	session atomic.Pointer[session] // nil while down
	ctx     context.Context         // ends when the layer is closed

	mu    sync.Mutex
	up    chan struct{} // closed when there is a session; a new one when it is lost
	once  bool          // whether there has been a session
	heard time.Time     // when the last session heard something for the last time
	down  time.Time     // when it was given up
	lost  error         // why it was
	cause error         // why there is none: the same, or why the last attempt to connect failed

	attempts int // to connect in a row that failed; of run alone
}

func newShard(ctx context.Context, l *PubSub, index int, client rueidis.ClientOption, probe string) *shard {
	s := &shard{layer: l, index: index, client: client, probe: probe, ctx: ctx, up: make(chan struct{})}
	s.topics.all = make(map[string]*topic)
	s.topics.wake = make(chan struct{}, 1)
	s.topics.add(probe)
	return s
}

// run keeps a session until the layer is closed.
func (s *shard) run() {
	var retry backoff
	if s.client.Sentinel.MasterSet != "" {
		retry.most = time.Second // it will soon name another master
	}
	for {
		session, err := s.connect()
		if err != nil {
			s.failed(err)
		} else if s.serve(session) > longestWait {
			retry.reset()
		}
		if !pause(s.ctx, retry.next()) {
			return
		}
	}
}

// serve uses a session until it ends, and returns how long that was.
func (s *shard) serve(session *session) time.Duration {
	begun := time.Now()
	if outage, lost := s.raise(session); lost {
		s.layer.events.reconnects.Add(1)
		s.layer.events.log.Info("redislayer: connected again and subscribed to everything",
			"server", s.name(), "outage", outage.length.Round(time.Millisecond), "subscriptions", s.topics.len())
		s.layer.tell(s, outage)
	}
	err := session.wait()
	s.lower(session, err)
	session.close()
	if s.ctx.Err() == nil {
		s.layer.events.log.Warn("redislayer: lost the connection", "server", s.name(), "error", err)
	}
	return time.Since(begun)
}

// outage is a time without a session.
type outage struct {
	since  time.Time // from when on messages may be missing
	length time.Duration
	cause  error
}

// raise lets calls use a session. lost says that there was one before.
func (s *shard) raise(session *session) (o outage, lost bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, lost = outage{since: s.heard, length: time.Since(s.down), cause: s.lost}, s.once
	s.once, s.attempts = true, 0
	s.session.Store(session)
	close(s.up)
	return o, lost
}

func (s *shard) lower(session *session, cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.session.Store(nil)
	s.up = make(chan struct{})
	s.heard, s.down, s.lost, s.cause = session.heardLast(), time.Now(), cause, cause
}

// failed remembers why an attempt to connect failed, and logs the first of a kind in a row.
func (s *shard) failed(err error) {
	s.mu.Lock()
	known := s.attempts > 0 && s.cause.Error() == err.Error()
	s.cause = err
	s.mu.Unlock()
	s.attempts++
	if !known && s.ctx.Err() == nil {
		s.layer.events.log.Warn("redislayer: cannot connect", "server", s.name(), "error", err)
	}
}

func (s *shard) wasUp() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.once
}

// name is for logs.
func (s *shard) name() string {
	if s.client.Sentinel.MasterSet != "" {
		return s.client.Sentinel.MasterSet
	}
	if len(s.client.InitAddress) == 0 {
		return strconv.Itoa(s.index)
	}
	return redact(s.client.InitAddress[0])
}

// await returns the session, and waits for one if that may come soon. ctx has a deadline.
func (s *shard) await(ctx context.Context) (*session, error) {
	if session := s.session.Load(); session != nil {
		return session, nil
	}
	s.mu.Lock()
	up, once, down := s.up, s.once, s.down
	s.mu.Unlock()
	if once {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, down.Add(grace))
		defer cancel()
	}
	select {
	case <-up:
		if session := s.session.Load(); session != nil {
			return session, nil
		}
	case <-ctx.Done():
	case <-s.ctx.Done():
	}
	return nil, s.unavailable()
}

// unavailable is the error of a call that had no effect for want of a session.
func (s *shard) unavailable() error {
	if s.ctx.Err() != nil {
		return layer.ErrClosed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return unavailable(s.cause)
}

// publish sends one message, once, and returns how many connections the server gave it to. A message that is to come back
// to us has been delivered then.
func (s *shard) publish(ctx context.Context, topic string, payload []byte) (receivers int64, err error) {
	call, cancel := context.WithTimeout(ctx, s.layer.opts.CallTimeout)
	defer cancel()
	session, err := s.await(call)
	if err != nil {
		return 0, orContext(ctx, err)
	}
	if s.topics.confirmed(topic) == 0 {
		return session.publish(ctx, call, topic, payload)
	}
	key := echoKey(topic, payload)
	echo := s.echoes.expect(key)
	defer s.echoes.forget(key, echo)
	receivers, err = session.publish(ctx, call, topic, payload)
	if err == nil && (receivers > 0 || s.layer.opts.Cluster) {
		s.echoes.wait(echo)
	}
	return receivers, err
}

// orContext returns ctx's error, if it has one, instead of err.
func orContext(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// subscribe returns when the server has confirmed that it sends us what is published to the topic. Whoever gets an error
// removes the topic.
func (s *shard) subscribe(ctx context.Context, topic string) error {
	call, cancel := context.WithTimeout(ctx, s.layer.opts.CallTimeout)
	defer cancel()
	_, err := s.await(call)
	if err == nil {
		err = s.confirm(call, topic)
	}
	return orContext(ctx, err)
}

func (s *shard) confirm(call context.Context, topic string) error {
	round := s.topics.add(topic)
	if round == nil {
		return nil
	}
	select {
	case <-round.done:
		if round.err != nil {
			return unavailable(round.err)
		}
		return nil
	case <-call.Done():
	case <-s.ctx.Done():
	}
	return s.unavailable()
}
