package redislayer

import (
	"context"
	"errors"

	"github.com/redis/rueidis"
)

var errBusy = errors.New("too many messages wait for an answer")

// answer is that of a PUBLISH.
type answer struct {
	receivers int64
	err       error
}

// publish sends one message, once. call is ctx with our own time limit.
//
// The client gets no context: given up by its caller, a command would still take up a place in its queue, and the client
// blocks, without end, when that is full. So a goroutine waits for the answer, and slots are fewer than places.
func (p *session) publish(ctx, call context.Context, topic string, payload []byte) (receivers int64, err error) {
	select {
	case p.slots <- struct{}{}:
	case <-call.Done():
		return 0, orContext(ctx, unavailable(errBusy))
	}
	if !p.work.start() {
		return 0, p.shard.unavailable()
	}
	answers := make(chan answer, 1)
	go func() {
		defer p.work.Done()
		answers <- p.do(topic, payload)
		<-p.slots
	}()
	select {
	case a := <-answers:
		return a.receivers, a.err
	case <-call.Done():
		return 0, ended(ctx)
	}
}

// fire publishes a probe, if there is room, and waits for nothing.
func (p *session) fire() {
	select {
	case p.slots <- struct{}{}:
	default:
		return
	}
	if p.work.start() {
		go func() {
			defer p.work.Done()
			p.do(p.shard.probe, nil)
			<-p.slots
		}()
	}
}

func (p *session) do(topic string, payload []byte) answer {
	command := p.client.B().Publish().Channel(topic).Message(rueidis.BinaryString(payload)).Build()
	n, err := p.client.Do(context.Background(), command).AsInt64()
	if _, refused := rueidis.IsRedisErr(err); err == nil || refused {
		note(&p.reply)
	}
	return answer{n, outcome(err)}
}
