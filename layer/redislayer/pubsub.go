package redislayer

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"unicode/utf8"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer/internal/wire"
)

// PubSub is the layer that speaks as channels_redis.pubsub.RedisPubSubChannelLayer does: Redis' PUBLISH and SUBSCRIBE.
// Redis stores nothing for it. The package documentation says what it promises.
//
// It is no [layer.Listener]: a named channel keeps each message for one receiver, and pub/sub can neither keep nor choose.
// Python's layer answers a receive on any name by subscribing, so that every waiting process gets the message and, while
// none waits, nobody; two workers would do each job twice, and a worker that restarts would miss what came meanwhile.
// [layer.Receive] answers errors.ErrUnsupported, and who needs workers uses [Core]. Sending to names that Python receives
// from works.
type PubSub struct {
	opts     Options
	codec    *wire.Codec
	groups   string // begins the Redis channel of each group
	specific string // begins the name of each channel made here
	newID    func() string
	shards   []*shard

	local
}

var (
	_ layer.ChannelLayer = (*PubSub)(nil)
	_ layer.NameChecker  = (*PubSub)(nil)
	_ layer.Counted      = (*PubSub)(nil)
	_ layer.Measured     = (*PubSub)(nil)
	_ layer.Readier      = (*PubSub)(nil)
)

// NewPubSub checks opts and returns a layer that connects to its servers in the background; see [PubSub.Ready]. Calls that
// come before it has connected wait for that, up to CallTimeout. The layer is to be closed.
func NewPubSub(opts *Options) (*PubSub, error) {
	o, err := opts.complete()
	if err != nil {
		return nil, err
	}
	l := &PubSub{opts: o, local: local{done: make(chan struct{})}, groups: o.Prefix + "__group__", specific: o.Prefix + "specific.", newID: newID}
	l.codec, err = wire.New(wire.Options{
		Format:          wire.Format(o.Format),
		Keys:            o.EncryptionKeys,
		AcceptPlaintext: o.AcceptPlaintext,
		MaxSize:         o.MaxSize,
	})
	if err != nil {
		return nil, fmt.Errorf("redislayer: %w", err)
	}
	clients, err := o.clients()
	if err != nil {
		return nil, err
	}
	l.boxes = o.mailboxOptions(&l.counters, l.forget)
	l.registry.Changed = l.changed
	l.events.log = o.Logger
	id := newID()
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	for i, client := range clients {
		l.shards = append(l.shards, newShard(ctx, l, i, client, o.Prefix+"__probe__"+id))
		if client.SelectDB != 0 && o.Prefix == defaultPrefix {
			o.Logger.Warn("redislayer: pub/sub ignores databases: all that share a server and the prefix hear each other; give each a Prefix of its own",
				"database", client.SelectDB, "prefix", o.Prefix)
		}
	}
	if o.GroupExpiry != defaultGroupExpiry {
		o.Logger.Warn("redislayer: PubSub ignores Options.GroupExpiry")
	}
	if o.ClockSkew != defaultClockSkew {
		o.Logger.Warn("redislayer: PubSub ignores Options.ClockSkew")
	}
	for _, s := range l.shards {
		l.work.Go(s.run)
	}
	return l, nil
}

// newID returns 128 random bits in hexadecimal, as uuid4().hex does.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// Ready reports whether every server has been reached once.
func (l *PubSub) Ready() bool {
	for _, s := range l.shards {
		if !s.wasUp() {
			return false
		}
	}
	return true
}

// NewChannel opens a channel named as Python names them, "asgispecific." and 128 random bits. It returns when Redis has
// confirmed the subscription.
func (l *PubSub) NewChannel(ctx context.Context) (*layer.Mailbox, error) {
	if err := l.begin(ctx); err != nil {
		return nil, err
	}
	name := l.specific + l.newID()
	box := layer.NewMailbox(name, l.boxes.of(name))
	l.channels.put(name, l.registry.NewMember(box))
	err := l.shard(name).subscribe(ctx, name)
	if err == nil && l.closed.Load() {
		err = layer.ErrClosed
	}
	if err != nil {
		box.Close()
		return nil, err
	}
	return box, nil
}

// forget is told by every mailbox that it is closed.
func (l *PubSub) forget(box *layer.Mailbox) {
	name := box.Channel()
	if member := l.channels.remove(name); member != nil {
		member.Close()
		l.shard(name).topics.remove(name)
	}
}

// Send publishes msg to the channel's one receiver, or to all processes that receive from it if it is a named channel of
// Python's. Whether there was room is known at the other end only: there is no [layer.ErrFull].
func (l *PubSub) Send(ctx context.Context, channel string, msg layer.Message) error {
	if err := l.begin(ctx); err != nil {
		return err
	}
	if err := l.CheckChannelName(channel); err != nil {
		return err
	}
	receivers, err := l.publish(ctx, channel, msg)
	if err != nil {
		return err
	}
	if receivers == 0 && !l.opts.Cluster {
		l.counters.Routed(1)
		l.counters.Drop(layer.DropNoReceiver, 1)
	}
	l.counters.Sent()
	return nil
}

// GroupAdd puts a channel that NewChannel of this layer opened into the group, and returns when Redis has confirmed the
// group's subscription. Any other channel is [layer.ErrUnknownChannel], as in Python, where it is a RuntimeError.
func (l *PubSub) GroupAdd(ctx context.Context, groupName, channel string) error {
	if err := l.beginMember(ctx, groupName, channel); err != nil {
		return err
	}
	return l.join(ctx, groupName, channel)
}

// GroupDiscard takes the channel out of the group. It asks no server.
func (l *PubSub) GroupDiscard(ctx context.Context, groupName, channel string) error {
	if err := l.beginMember(ctx, groupName, channel); err != nil {
		return err
	}
	if member := l.channels.get(channel); member != nil {
		l.registry.Discard(groupName, member)
	}
	return nil
}

// GroupSend publishes msg once, for all processes that have members. This process' own members get it from Redis too.
func (l *PubSub) GroupSend(ctx context.Context, groupName string, msg layer.Message) error {
	if err := l.begin(ctx); err != nil {
		return err
	}
	if err := l.CheckGroupName(groupName); err != nil {
		return err
	}
	topic := l.groups + groupName
	topics := &l.shard(topic).topics
	before := topics.confirmed(topic)
	receivers, err := l.publish(ctx, topic, msg)
	if err != nil {
		return err
	}
	if receivers == 0 && before != 0 && !l.opts.Cluster && topics.confirmed(topic) == before {
		// The server has lost our subscription, and we have not noticed yet.
		n := len(l.registry.Members(groupName))
		l.counters.Routed(n)
		l.counters.Drop(layer.DropNoReceiver, n)
	}
	l.counters.GroupSent()
	return nil
}

// changed keeps the subscriptions in step with the registry.
func (l *PubSub) changed(ctx context.Context, groupName string, want bool) error {
	topic := l.groups + groupName
	s := l.shard(topic)
	if want {
		return s.subscribe(ctx, topic)
	}
	s.topics.remove(topic)
	return nil
}

// Close closes all mailboxes and connections, and returns when every goroutine of the layer has ended.
func (l *PubSub) Close() error {
	if l.closed.Swap(true) {
		l.work.Wait()
		return nil
	}
	close(l.done)
	l.cancel()
	for _, member := range l.channels.all() {
		member.Value().Close()
	}
	l.work.Wait()
	_ = l.registry.Wait(context.Background())
	return nil
}

// CheckChannelName takes whatever Python takes: any text that is not empty.
func (l *PubSub) CheckChannelName(name string) error { return checkName("channel", name) }

// CheckGroupName takes whatever Python takes: any text that is not empty.
func (l *PubSub) CheckGroupName(name string) error { return checkName("group", name) }

func checkName(kind, name string) error {
	switch {
	case name == "":
		return &layer.NameError{Kind: kind, Name: name, Rule: "it is empty"}
	case !utf8.ValidString(name):
		return &layer.NameError{Kind: kind, Name: name, Rule: "it is not UTF-8"}
	}
	return nil
}

func (l *PubSub) beginMember(ctx context.Context, groupName, channel string) error {
	if err := l.begin(ctx); err != nil {
		return err
	}
	if err := l.CheckGroupName(groupName); err != nil {
		return err
	}
	return l.CheckChannelName(channel)
}

func (l *PubSub) shard(topic string) *shard {
	return l.shards[wire.Shard(topic, len(l.shards))]
}

// publish encodes msg and returns how many connections Redis gave it to.
func (l *PubSub) publish(ctx context.Context, topic string, msg layer.Message) (receivers int64, err error) {
	e, err := layer.Encode(msg)
	if err != nil {
		return 0, err
	}
	payload, err := l.codec.Encode(e, nil)
	if err != nil {
		return 0, err
	}
	return l.shard(topic).publish(ctx, topic, payload)
}
