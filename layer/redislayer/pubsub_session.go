package redislayer

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/redis/rueidis"
)

// session is one connection to publish by and one to hear by. It ends as a whole, with its context, whose cause says why:
// the second connection is broken, nothing was heard for too long, or the layer is closed.
type session struct {
	shard  *shard
	ctx    context.Context
	end    context.CancelCauseFunc
	client rueidis.Client
	ear    rueidis.DedicatedClient
	epoch  uint64        // of the shard's topics
	whole  chan struct{} // closed when everything is subscribed
	slots  chan struct{} // holds one for each PUBLISH that is not answered
	sound  atomic.Bool   // something was heard since watch looked last
	reply  atomic.Bool   // a PUBLISH was answered since then

	conns *connections

	work tasks

	mu    sync.Mutex
	heard time.Time // when watch looked for the last time before a sound
}

const (
	// mostNames is how many names a command has at most, so that it has a thousand words.
	mostNames = 999
	// mostCommands is how many of them are sent together.
	mostCommands = 16
	// ringScale is of the client's queue; mostUnanswered is below what it holds.
	ringScale      = 9
	mostUnanswered = 480
	// keepAlive is how often the client pings an idle connection, beside our own probes.
	keepAlive = 15 * time.Second
	// ticks are watch's looks in one ProbeInterval, and silentTicks those without a sound after which a session is given
	// up: eight seconds if the interval is three, so that a server that pauses for three seconds is not.
	ticks       = 12
	silentTicks = 32
)

var (
	errSilent = errors.New("nothing was heard any more, not even our own probes")
	errMute   = errors.New("no message was answered any more, not even our own probes")
	errBroken = errors.New("the connection is broken")
)

// connect makes a session and returns it when everything wanted is subscribed.
func (s *shard) connect() (*session, error) {
	p := &session{
		shard: s,
		slots: make(chan struct{}, mostUnanswered),
		heard: time.Now(),
	}
	p.ctx, p.end = context.WithCancelCause(s.ctx)
	p.conns = newConnections(p.ctx)
	err := p.open()
	if err == nil {
		err = p.restore()
	}
	if err != nil {
		p.close()
		return nil, unavailable(err)
	}
	return p, nil
}

func (p *session) open() error {
	client, err := rueidis.NewClient(p.option())
	p.client = client
	if err != nil {
		return err
	}
	p.ear, _ = client.Dedicate()
	p.epoch, p.whole = p.shard.topics.restart()
	broken := p.ear.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: p.message, OnSubscription: p.subscription})
	p.work.Go(func() {
		err := <-broken
		if err == nil {
			err = errBroken
		}
		p.end(err)
	})
	p.work.Go(p.subscribe)
	p.work.Go(p.watch)
	return nil
}

// option is the shard's, for this session. Of several addresses, a cluster's nodes, it has one, another each time.
func (p *session) option() rueidis.ClientOption {
	o := p.shard.client
	if n := len(o.InitAddress); n > 1 && o.Sentinel.MasterSet == "" {
		o.InitAddress = o.InitAddress[p.shard.attempts%n:][:1]
	}
	setDefault(&o.Dialer.KeepAlive, keepAlive)
	return p.conns.option(o, p.shard.layer.opts.CallTimeout, ringScale)
}

// restore waits until everything is subscribed.
func (p *session) restore() error {
	select {
	case <-p.whole:
		return nil
	case <-p.ctx.Done():
		return context.Cause(p.ctx)
	}
}

// wait returns why the session ended, when it has.
func (p *session) wait() error {
	<-p.ctx.Done()
	return context.Cause(p.ctx)
}

// close ends the session, and returns when nothing of it is left.
func (p *session) close() {
	p.end(errNoSession)
	p.work.close()
	p.conns.hangUp()
	if p.ear != nil {
		p.ear.Close()
	}
	if p.client != nil {
		p.client.Close()
	}
	p.work.Wait()
}

// heardLast returns a time up to which everything has been heard.
func (p *session) heardLast() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.heard
}

// message is called by the connection's reader.
func (p *session) message(m rueidis.PubSubMessage) {
	note(&p.sound)
	if m.Channel == p.shard.probe {
		return
	}
	// The client makes each payload a string of its own, so the envelope may keep its bytes.
	payload := unsafe.Slice(unsafe.StringData(m.Message), len(m.Message))
	p.shard.layer.receive(m.Channel, payload)
	p.shard.echoes.heard(m.Channel, payload)
}

// subscription is called by the connection's reader for each name that is subscribed or no longer so.
func (p *session) subscription(s rueidis.PubSubSubscription) {
	note(&p.sound)
	p.shard.topics.answered(p.epoch, s.Channel)
}

// note sets a flag, which most often is set.
func note(flag *atomic.Bool) {
	if !flag.Load() {
		flag.Store(true)
	}
}

// watch sends the probes, and ends the session when nothing is heard or answered. It counts its own looks instead of
// reading the clock, as a process that was stopped itself has not listened.
func (p *session) watch() {
	t := time.NewTicker(p.shard.layer.opts.ProbeInterval / ticks)
	defer t.Stop()
	silent, mute, now := 0, 0, time.Now()
	for n := 0; silent < silentTicks && mute < silentTicks; n++ {
		if n%ticks == 0 {
			p.fire()
		}
		select {
		case <-t.C:
		case <-p.ctx.Done():
			return
		}
		silent, mute = silent+1, mute+1
		if p.sound.Swap(false) {
			silent = 0
			p.mu.Lock()
			p.heard = now
			p.mu.Unlock()
		}
		if p.reply.Swap(false) {
			mute = 0
		}
		now = time.Now()
	}
	p.shard.layer.events.silences.Add(1)
	if silent == silentTicks {
		p.end(errSilent)
	} else {
		p.end(errMute)
	}
}

// subscribe sends the commands that topics has due.
func (p *session) subscribe() {
	topics := &p.shard.topics
	for {
		select {
		case <-topics.wake:
		case <-p.ctx.Done():
			return
		}
		for more := true; more; {
			var err error
			if more, err = p.command(topics); err != nil {
				p.end(err)
				return
			}
		}
	}
}

// command sends some commands and waits for their answers, of which topics learns name by name. It reports whether there
// may be more to send.
func (p *session) command(topics *topics) (more bool, err error) {
	var commands []rueidis.Completed
	var names [][]string
	for len(commands) < mostCommands {
		subscribe, unsubscribe := topics.take(mostNames)
		if subscribe == nil && unsubscribe == nil {
			break
		}
		if subscribe != nil {
			commands = append(commands, p.ear.B().Subscribe().Channel(subscribe...).Build())
			names = append(names, subscribe)
		}
		if unsubscribe != nil {
			commands = append(commands, p.ear.B().Unsubscribe().Channel(unsubscribe...).Build())
			names = append(names, unsubscribe)
		}
	}
	if commands == nil {
		return false, nil
	}
	for i, answer := range p.ear.DoMulti(context.Background(), commands...) {
		err := answer.Error()
		switch _, refused := rueidis.IsRedisErr(err); {
		case err == nil:
		case !refused, p.restoring():
			return false, err
		default:
			topics.refused(p.epoch, names[i], err)
		}
	}
	return true, nil
}

func (p *session) restoring() bool {
	select {
	case <-p.whole:
		return false
	default:
		return true
	}
}
