package redislayer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gochannels/channels/group"
	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer/internal/wire"
)

// Core is the layer that speaks as channels_redis.core.RedisChannelLayer does: messages wait in sorted sets in Redis, of
// which each process reads its own, and groups are sorted sets of channel names.
//
// This process reads eight sorted sets, and is in a group by one name, however many of its channels are: what a sender
// writes, in Go or in Python, it hands to all of them. Python can send to a channel of this process by its name, add that
// to a group and discard it again. It cannot discard by that name what [Core.GroupAdd] has added here.
//
// Python's senders drop messages in silence when a key holds 100 (Options.Capacity, as they have it). Core drains its keys
// in batches, and when it finds one nearly full, all whom that may concern get a [layer.Gap] with the cause
// "suspected_overflow".
//
// Named channels work as in Python, both ways. One message is taken for each waiting [Core.Receive], without a backup: at
// most once. Python's workers keep the message they work on in a second key, and any of them may put it back, so that they
// may do a job twice; Core never puts back what another took.
type Core struct {
	opts       Options
	codec      *wire.Codec
	names      *coreNames
	id         string           // of this process, in keys of our own
	capacities *wire.Capacities // of keys
	keys       []string         // the Redis keys of names.processes
	shards     []*coreShard

	local
	subs     coreSubs
	leavers  coreLeavers
	named    coreNamed
	overflow [coreKeys]atomic.Int64 // when a key was last found nearly full, in Unix nanoseconds

	heardPython atomic.Int64 // when a message came that Go has not sent, in Unix nanoseconds

	removed atomic.Int64 // renewals that found memberships gone, and the ledger there

	fences sync.Map // names that Flush waits to see, to chan struct{}
}

var (
	_ layer.ChannelLayer = (*Core)(nil)
	_ layer.Listener     = (*Core)(nil)
	_ layer.Flusher      = (*Core)(nil)
	_ layer.Counted      = (*Core)(nil)
	_ layer.Measured     = (*Core)(nil)
	_ layer.Readier      = (*Core)(nil)
)

const (
	// pythonCapacity is how many messages Channels lets wait in a key by default.
	pythonCapacity = 100
	// goCapacity is how many messages Go lets wait in the key of a Go process, which drains it all the time. The limit that
	// counts is that of its mailboxes.
	goCapacity = 4096
	// randomPrefix is Channels' random_prefix_length.
	randomPrefix = 12
	// defaultCoreExpiry is Channels' expiry.
	defaultCoreExpiry = 60 * time.Second
)

// NewCore checks opts and returns a layer that connects to its servers in the background; see [Core.Ready]. Calls that come
// before it has connected wait for that, up to CallTimeout. The layer is to be closed.
func NewCore(opts *Options) (*Core, error) {
	l, err := newCore(opts)
	if err != nil {
		return nil, err
	}
	l.start()
	return l, nil
}

func newCore(opts *Options) (*Core, error) {
	o, err := opts.complete()
	if err != nil {
		return nil, err
	}
	if o.Cluster {
		return nil, errCluster
	}
	l := &Core{opts: o, local: local{done: make(chan struct{})}}
	l.codec, err = wire.New(l.wireOptions())
	if err != nil {
		return nil, fmt.Errorf("redislayer: %w", err)
	}
	clients, err := o.clients()
	if err != nil {
		return nil, err
	}
	capacity := o.Capacity
	if capacity == 0 {
		capacity = pythonCapacity
	}
	if l.capacities, err = wire.NewCapacities(capacity, o.ChannelCapacity); err != nil {
		return nil, fmt.Errorf("redislayer: Options.ChannelCapacity: %w", err)
	}
	l.names = newCoreNames(len(clients))
	for _, process := range l.names.processes {
		l.keys = append(l.keys, l.key(process))
	}
	l.boxes = o.mailboxOptions(&l.counters, l.forget)
	l.registry.Changed = l.changed
	l.events.log = o.Logger
	l.id = strings.TrimSuffix(l.names.processes[0][len(specificPrefix):], "!")
	for i, client := range clients {
		l.shards = append(l.shards, &coreShard{
			layer: l, index: i, option: client, inbox: newCoreInbox(),
			link: link[coreSession]{up: make(chan struct{}), done: l.done},
		})
	}
	return l, nil
}

func (l *Core) wireOptions() wire.Options {
	return wire.Options{
		Format:          wire.Format(l.opts.Format),
		Keys:            l.opts.EncryptionKeys,
		RandomPrefix:    randomPrefix,
		TTL:             l.expiry() + 10*time.Second,
		AcceptPlaintext: l.opts.AcceptPlaintext,
		MaxSize:         l.opts.MaxSize,
	}
}

func (l *Core) start() {
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	for _, s := range l.shards {
		l.work.Go(func() { s.run(ctx) })
		l.work.Go(s.deliver)
	}
}

// Ready reports whether every server has been reached once.
func (l *Core) Ready() bool {
	for _, s := range l.shards {
		if !s.wasUp() {
			return false
		}
	}
	return true
}

// NewChannel opens a channel named as Python names them, "specific." + id of the process + "!" + 128 random bits. It asks
// no server.
func (l *Core) NewChannel(ctx context.Context) (*layer.Mailbox, error) {
	if err := l.begin(ctx); err != nil {
		return nil, err
	}
	name := l.names.newChannel()
	box := layer.NewMailbox(name, l.boxes.of(name))
	l.channels.put(name, l.registry.NewMember(box))
	if l.closed.Load() {
		box.Close()
		return nil, layer.ErrClosed
	}
	return box, nil
}

// forget is told by every mailbox that it is closed.
func (l *Core) forget(box *layer.Mailbox) {
	if member := l.channels.remove(box.Channel()); member != nil {
		member.Close()
	}
}

// GroupAdd puts a channel that NewChannel of this layer opened, or a named one, into the group, and returns when Redis has
// it. A specific channel of another process is [layer.ErrUnknownChannel].
func (l *Core) GroupAdd(ctx context.Context, groupName, channel string) error {
	if err := l.beginMember(ctx, groupName, channel); err != nil {
		return err
	}
	call, cancel := l.limit(ctx)
	defer cancel()
	if !strings.Contains(channel, "!") {
		return l.addNamed(call, groupName, channel)
	}
	err := l.join(call, groupName, channel)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = l.shardOf(groupName).overdue() // behind the end of the last membership, say
	}
	return err
}

// GroupDiscard takes the channel out of the group, whoever has put it there by this name. A channel of this layer is out of
// it even if there is an error: that is then of the server, which may still have the name, if Python has added it.
func (l *Core) GroupDiscard(ctx context.Context, groupName, channel string) error {
	if err := l.beginMember(ctx, groupName, channel); err != nil {
		return err
	}
	ctx, cancel := l.limit(ctx)
	defer cancel()
	if member := l.channels.get(channel); member != nil {
		l.discard(ctx, groupName, member)
	}
	return l.removeMember(ctx, groupName, channel)
}

// Close takes this process out of its groups and puts back what it has taken out of named channels for nobody, as far as the
// servers answer within CallTimeout, closes all mailboxes and connections, and returns when every goroutine of the layer has
// ended. Messages that wait in Redis stay there until they expire.
func (l *Core) Close() error {
	if l.closed.Swap(true) {
		l.work.Wait()
		return nil
	}
	close(l.done)
	for _, member := range l.channels.all() {
		member.Value().Close()
	}
	ctx, cancel := l.limit(context.Background())
	defer cancel()
	l.named.end(ctx, l)
	_ = l.registry.Wait(ctx)
	for _, s := range l.shards {
		if p := s.session.Load(); p != nil {
			_, _ = p.do(ctx, p.client.B().Del().Key(p.counter).Build())
		}
	}
	l.cancel()
	l.work.Wait()
	_ = l.registry.Wait(context.Background())
	return nil
}

func (l *Core) beginMember(ctx context.Context, groupName, channel string) error {
	if err := l.begin(ctx); err != nil {
		return err
	}
	if err := group.CheckName(groupName); err != nil {
		return err
	}
	return layer.CheckChannelName(channel)
}

// key returns the Redis key of a non-local name.
func (l *Core) key(name string) string { return l.opts.Prefix + name }

func (l *Core) groupKey(name string) string { return l.opts.Prefix + ":group:" + name }

func (l *Core) shardOf(name string) *coreShard { return l.shards[wire.Shard(name, len(l.shards))] }

func (l *Core) expiry() time.Duration {
	if l.opts.Expiry > 0 {
		return l.opts.Expiry
	}
	return defaultCoreExpiry
}

// seconds returns a duration as Redis' EXPIRE takes it, which must not be 0.
func seconds(d time.Duration) int64 { return max(1, int64((d+time.Second-1)/time.Second)) }
