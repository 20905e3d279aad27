package redislayer

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/redis/rueidis"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/internal/glob"
	"github.com/gochannels/channels/layer/redislayer/internal/hosts"
	"github.com/gochannels/channels/layer/redislayer/internal/wire"
)

// Options are what both layers are made with. nil and zero fields mean the defaults; what is called as in Channels'
// CONFIG means the same. The value is copied and checked by the constructor.
type Options struct {
	// Hosts are the servers, each a string ("redis://:secret@host:6379/0", "rediss://...", "unix://..."), a []any{host,
	// port} or a map[string]any with the arguments of a redis-py client, Sentinel's included. Names are spread over them
	// by channels_redis' hash. nil means localhost:6379.
	Hosts []any
	// TLS, if it is set, is how all servers and Sentinels are spoken to, whatever Hosts say of that. It is copied. An empty
	// ServerName stands for each server's own host.
	TLS *tls.Config `json:"-"`
	// Credentials, if it is set, is asked for the user, "" for the default one, and the password of each new connection,
	// instead of Hosts: for passwords that change. It may be called concurrently, and must not block for long. An error is
	// one of connecting. Servers that a Sentinel names cannot have it.
	Credentials func() (username, password string, err error) `json:"-"`
	// Prefix begins every key and channel; "" means "asgi".
	Prefix string
	// Format is Channels' serializer_format, "msgpack" or "json"; "" means "msgpack".
	Format string
	// EncryptionKeys are Channels' symmetric_encryption_keys: the first encrypts, all decrypt.
	EncryptionKeys []string
	// AcceptPlaintext, beside encryption keys, also takes messages that are not encrypted. It is for the time while Python
	// processes with channels_redis 4.2.0 or older are about, whose pub/sub layer ignores its keys.
	AcceptPlaintext bool

	// Capacity is how many messages may wait in a mailbox; 0 means 1,000. Core also applies it, if it is set, to the
	// keys of Python processes it sends to, which hold 100 otherwise.
	Capacity int
	// ChannelCapacity gives the channels that match capacities of their own: the first that matches counts.
	ChannelCapacity []layer.ChannelCapacity
	// Expiry is how long a message may wait in a mailbox; 0 means 60 s.
	Expiry time.Duration
	// GroupExpiry is Channels' group_expiry; 0 means 24 h. It must be that of all Python processes: a Python group_send with
	// a shorter one takes living members of Core for dead, and they lose its messages; with a longer one, it goes on writing
	// for members that are. Core's log says so when it finds its members removed again and again. PubSub has no use for it.
	GroupExpiry time.Duration
	// ClockSkew is how far the clock of a host that sends may be ahead of the servers' clocks; 0 means 90 s, and it cannot
	// be more. A host that is further ahead takes living members of Core for dead, and they lose its messages. Python goes
	// on writing for ClockSkew and ten seconds, but for 24 s at least, when the last of all Go processes was killed. PubSub
	// has no use for it.
	ClockSkew time.Duration

	// CallTimeout bounds every call that goes to a server, within the caller's context; 0 means 2 s.
	CallTimeout time.Duration
	// ProbeInterval is how often a layer makes sure that it hears its servers; 0 means 3 s. A connection on which nothing was
	// heard for eight thirds of it is given up. Core, whose commands wait for whole seconds, rounds it up to such for that.
	ProbeInterval time.Duration
	// MaxSize is the largest message in bytes, encoded and before encryption; 0 means 4 MiB.
	MaxSize int
	// Cluster says that Hosts are nodes of one Redis Cluster, or its one address. Only PubSub works there: it connects to
	// one of them, and a cluster passes plain PUBLISH on to all its nodes.
	Cluster bool
	// Logger is told of outages, recoveries and refused payloads; nil means [slog.Default].
	Logger *slog.Logger
}

const (
	defaultPrefix        = "asgi"
	defaultHost          = "redis://localhost:6379"
	defaultGroupExpiry   = 24 * time.Hour
	defaultClockSkew     = 90 * time.Second
	defaultCallTimeout   = 2 * time.Second
	defaultProbeInterval = 3 * time.Second
	defaultMaxSize       = 4 << 20

	leastCallTimeout   = time.Millisecond
	leastProbeInterval = 50 * time.Millisecond
)

// complete returns a copy of o with the defaults filled in, or the first fault. Capacity and Expiry stay zero, as a
// mailbox has its own defaults.
func (o *Options) complete() (Options, error) {
	var c Options
	if o != nil {
		c = *o
	}
	c.Hosts, c.EncryptionKeys = slices.Clone(c.Hosts), slices.Clone(c.EncryptionKeys)
	c.ChannelCapacity = slices.Clone(c.ChannelCapacity)
	if err := c.check(); err != nil {
		return Options{}, fmt.Errorf("redislayer: %w", err)
	}
	if len(c.Hosts) == 0 {
		c.Hosts = []any{defaultHost}
	}
	setDefault(&c.Prefix, defaultPrefix)
	setDefault(&c.Format, string(wire.FormatMsgpack))
	setDefault(&c.GroupExpiry, defaultGroupExpiry)
	setDefault(&c.ClockSkew, defaultClockSkew)
	setDefault(&c.CallTimeout, defaultCallTimeout)
	setDefault(&c.ProbeInterval, defaultProbeInterval)
	setDefault(&c.MaxSize, defaultMaxSize)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (o *Options) check() error {
	switch {
	case o.Capacity < 0:
		return fmt.Errorf("Options.Capacity is negative: %d", o.Capacity)
	case o.Expiry < 0:
		return fmt.Errorf("Options.Expiry is negative: %v", o.Expiry)
	case o.GroupExpiry < 0:
		return fmt.Errorf("Options.GroupExpiry is negative: %v", o.GroupExpiry)
	case o.ClockSkew < 0 || o.ClockSkew > defaultClockSkew:
		return fmt.Errorf("Options.ClockSkew is not between 0 and %v: %v", defaultClockSkew, o.ClockSkew)
	case o.MaxSize < 0:
		return fmt.Errorf("Options.MaxSize is negative: %d", o.MaxSize)
	case o.CallTimeout != 0 && o.CallTimeout < leastCallTimeout:
		return fmt.Errorf("Options.CallTimeout is less than %v: %v", leastCallTimeout, o.CallTimeout)
	case o.ProbeInterval != 0 && o.ProbeInterval < leastProbeInterval:
		return fmt.Errorf("Options.ProbeInterval is less than %v: %v", leastProbeInterval, o.ProbeInterval)
	case !utf8.ValidString(o.Prefix):
		return fmt.Errorf("Options.Prefix is not UTF-8: %q", o.Prefix)
	}
	for i, c := range o.ChannelCapacity {
		if err := glob.Check(c.Pattern); err != nil {
			return fmt.Errorf("Options.ChannelCapacity[%d]: pattern %q: %w", i, c.Pattern, err)
		}
		if c.Capacity <= 0 {
			return fmt.Errorf("Options.ChannelCapacity[%d]: capacity of %q is not positive: %d", i, c.Pattern, c.Capacity)
		}
	}
	return nil
}

// clients returns the options of a client for each shard; in a cluster there is one, with all addresses. Warnings are
// logged here.
func (o *Options) clients() ([]rueidis.ClientOption, error) {
	shards, warnings, err := hosts.Parse(o.Hosts, rueidis.ClientOption{
		DisableCache:      true, // it would need CLIENT TRACKING
		DisableRetry:      true, // never twice
		ClientSetInfo:     rueidis.DisableClientSetInfo,
		ForceSingleClient: true, // or the client would ask for CLUSTER
	})
	if err != nil {
		return nil, fmt.Errorf("redislayer: Options.Hosts: %w", err)
	}
	for _, w := range warnings {
		o.Logger.Warn("redislayer: " + w)
	}
	for i := range shards {
		if err := o.secure(&shards[i]); err != nil {
			return nil, err
		}
	}
	if o.Cluster {
		return oneCluster(shards)
	}
	return shards, nil
}

// secure applies what Hosts have no form for.
func (o *Options) secure(shard *rueidis.ClientOption) error {
	if o.TLS != nil {
		if shard.DialCtxFn != nil {
			return fmt.Errorf("redislayer: Options.TLS: a unix socket has none: %q", shard.InitAddress)
		}
		shard.TLSConfig, shard.Sentinel.TLSConfig = o.TLS.Clone(), o.TLS.Clone()
	}
	if o.Credentials == nil {
		return nil
	}
	if shard.Sentinel.MasterSet != "" {
		return fmt.Errorf("redislayer: Options.Credentials: servers that a Sentinel names cannot have it, but %q is asked for", shard.Sentinel.MasterSet)
	}
	shard.AuthCredentialsFn = func(rueidis.AuthCredentialsContext) (c rueidis.AuthCredentials, err error) {
		if c.Username, c.Password, err = o.Credentials(); err != nil {
			err = fmt.Errorf("redislayer: Options.Credentials: %w", err)
		}
		return c, err
	}
	return nil
}

func oneCluster(nodes []rueidis.ClientOption) ([]rueidis.ClientOption, error) {
	all := nodes[0]
	all.InitAddress = nil
	for _, n := range nodes {
		if n.Sentinel.MasterSet != "" {
			return nil, fmt.Errorf("redislayer: Options.Cluster: a cluster has no Sentinel, but %q is asked for", n.Sentinel.MasterSet)
		}
		all.InitAddress = append(all.InitAddress, n.InitAddress...)
	}
	return []rueidis.ClientOption{all}, nil
}

// mailboxOptions are what the mailboxes of one layer share.
type mailboxOptions struct {
	patterns []layer.ChannelCapacity
	special  []*layer.MailboxOptions // parallel to patterns
	general  *layer.MailboxOptions
}

func (o *Options) mailboxOptions(counters *layer.Counters, onClose func(*layer.Mailbox)) mailboxOptions {
	make := func(capacity int) *layer.MailboxOptions {
		return &layer.MailboxOptions{Capacity: capacity, Expiry: o.Expiry, Counters: counters, OnClose: onClose}
	}
	m := mailboxOptions{patterns: o.ChannelCapacity, general: make(o.Capacity)}
	for _, c := range o.ChannelCapacity {
		m.special = append(m.special, make(c.Capacity))
	}
	return m
}

// of returns those of a channel by its name.
func (m *mailboxOptions) of(channel string) *layer.MailboxOptions {
	for i, c := range m.patterns {
		if glob.Match(c.Pattern, channel) {
			return m.special[i]
		}
	}
	return m.general
}

// redact returns an address without what may be a password.
func redact(address string) string {
	if i := strings.LastIndexByte(address, '@'); i >= 0 {
		return address[i+1:]
	}
	return address
}
