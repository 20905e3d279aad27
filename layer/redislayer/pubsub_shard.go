package redislayer

import (
	"context"
	"time"

	"github.com/redis/rueidis"

	"github.com/gochannels/channels/layer"
)

// shard is one server: what is to be subscribed there, and the session that does it. Its run connects, and connects again.
type shard struct {
	layer  *PubSub
	index  int
	client rueidis.ClientOption
	probe  string // the channel that this process publishes to and hears itself on
	topics topics
	echoes echoes

	link[session]
	ctx context.Context // ends when the layer is closed

	attempts int // to connect in a row that failed; of run alone
}

func newShard(ctx context.Context, l *PubSub, index int, client rueidis.ClientOption, probe string) *shard {
	s := &shard{layer: l, index: index, client: client, probe: probe, ctx: ctx}
	s.up, s.done = make(chan struct{}), ctx.Done()
	s.topics.all = make(map[string]*topic)
	s.topics.wake = make(chan struct{}, 1)
	s.topics.add(probe)
	return s
}

// run keeps a session until the layer is closed.
func (s *shard) run() {
	retry := retries(s.client)
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
	s.attempts = 0
	if outage, lost := s.raise(session); lost {
		s.layer.events.reconnects.Add(1)
		s.layer.events.log.Info("redislayer: connected again and subscribed to everything",
			"server", s.name(), "outage", outage.length.Round(time.Millisecond), "subscriptions", s.topics.len())
		s.layer.tellOutage(s, outage)
	}
	err := session.wait()
	s.lower(err, session.heardLast())
	session.close()
	if s.ctx.Err() == nil {
		s.layer.events.log.Warn("redislayer: lost the connection", "server", s.name(), "error", err)
	}
	return time.Since(begun)
}

// failed remembers why an attempt to connect failed, and logs the first of a kind in a row.
func (s *shard) failed(err error) {
	s.attempts++
	if s.link.failed(err) && s.ctx.Err() == nil {
		s.layer.events.log.Warn("redislayer: cannot connect", "server", s.name(), "error", err)
	}
}

func (s *shard) name() string { return serverName(s.client, s.index) }

// await returns the session, and waits for one if that may come soon. ctx has a deadline.
func (s *shard) await(ctx context.Context) (*session, error) {
	if session := s.link.await(ctx); session != nil {
		return session, nil
	}
	return nil, s.unavailable()
}

// unavailable is the error of a call that had no effect for want of a session.
func (s *shard) unavailable() error {
	if s.ctx.Err() != nil {
		return layer.ErrClosed
	}
	return unavailable(s.reason())
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

// orContext maps the error of what had no effect: to one that wraps ctx's, if that is why.
func orContext(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return unavailable(ctx.Err())
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
