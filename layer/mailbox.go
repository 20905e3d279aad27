package layer

import (
	"sync"
	"time"
)

// MailboxOptions are what a layer's mailboxes have in common. Many mailboxes share one value, which must not be changed
// once it is used.
type MailboxOptions struct {
	Capacity   int            // messages; 0 means 1,000
	Expiry     time.Duration  // how long a message may wait, from its encoding on; 0 means 60 s
	DropOldest bool           // a message to a full mailbox drops the oldest in it, instead of itself
	Counters   *Counters      // nil: nothing is counted
	OnClose    func(*Mailbox) // called once by Close, when the mailbox is empty and refuses messages
}

const (
	defaultCapacity = 1000
	defaultExpiry   = 60 * time.Second
)

// Mailbox is the bounded queue at the reading end of a channel. A layer delivers into it and never blocks; whoever
// opened the channel takes messages out, or is woken by OnReady to do so, and closes it. All methods may be called
// concurrently.
//
// Messages of one deliverer come out in the order they went in, each at most once. Those that waited longer than the
// expiry are never handed out. Whatever becomes of a message is counted.
type Mailbox struct {
	mu      sync.Mutex
	queue   queue
	opts    *MailboxOptions
	onReady func()
	closed  bool
	stripe  uint8
	waiters *waiter // of Receive
	divert  func(Envelope) bool
	gap     *Gap
	channel string
}

var noOptions = new(MailboxOptions)

// NewMailbox returns an empty mailbox for a channel of that name. opts is kept, not copied; nil means the defaults.
func NewMailbox(channel string, opts *MailboxOptions) *Mailbox {
	if opts == nil {
		opts = noOptions
	}
	return &Mailbox{channel: channel, opts: opts, stripe: nextStripe()}
}

// Channel returns the channel's name.
func (m *Mailbox) Channel() string { return m.channel }

// Deliver queues e, or hands it to Divert's function. It returns [ErrFull] or [ErrClosed] if the message was dropped
// instead, which is counted here; that there is a copy at all the layer counts, before, by [Counters.Routed]. It never
// blocks. The zero Envelope is a [*MessageError].
func (m *Mailbox) Deliver(e Envelope) error {
	if e.p == nil {
		return errZero
	}
	m.mu.Lock()
	if m.divert != nil && !m.closed && m.queue.n == 0 && m.gap == nil {
		divert := m.divert
		m.mu.Unlock()
		if divert(e) {
			m.opts.Counters.delivered(m.stripe)
			return nil
		}
		m.mu.Lock()
	}
	if m.closed {
		m.mu.Unlock()
		m.opts.Counters.dropped(m.stripe, dropClosed, 1)
		return ErrClosed
	}
	if int(m.queue.n) >= m.opts.capacity() && !m.room() {
		m.mu.Unlock()
		m.opts.Counters.dropped(m.stripe, dropFull, 1)
		return ErrFull
	}
	ready := m.onReady
	if m.queue.n > 0 || m.gap != nil {
		ready = nil
	}
	m.queue.push(e)
	if m.waiters != nil {
		m.wake()
	}
	m.mu.Unlock()
	if ready != nil {
		ready()
	}
	return nil
}

// room makes room in a full queue, if it may.
func (m *Mailbox) room() bool {
	m.purge(now())
	if int(m.queue.n) < m.opts.capacity() {
		return true
	}
	if m.opts.DropOldest {
		m.queue.pop()
		m.opts.Counters.dropped(m.stripe, dropOldest, 1)
	}
	return m.opts.DropOldest
}

// purge drops expired messages from the head of the queue.
func (m *Mailbox) purge(now int64) {
	limit := now - int64(m.opts.expiry())
	for m.queue.n > 0 && m.queue.head().p.at < limit {
		m.queue.pop()
		m.opts.Counters.expired(m.stripe)
	}
}

// OnReady sets the function that is told that something waits, a message or a gap. It is called at once if something
// does already, and then whenever the mailbox stops being empty, by whoever delivers and outside every lock; it must not
// block. It is told once, not for each message: who is told takes everything. It may be called concurrently, and once
// more after Close. nil takes it back.
func (m *Mailbox) OnReady(f func()) {
	m.mu.Lock()
	m.onReady = f
	pending := m.pending()
	m.mu.Unlock()
	if f != nil && pending {
		f()
	}
}

// Divert sets a function that is offered each message before it is queued, while the mailbox is empty. If it returns
// true, it has taken the message, which counts as delivered. It is called by whoever delivers, outside every lock, so it
// may close the mailbox; it must not block, and as several may deliver at a time it must be safe to call concurrently.
//
// A mailbox is also empty while its last message is being handled: to keep the order, the function must refuse from
// before a message is received until it is dealt with. nil takes it back.
func (m *Mailbox) Divert(f func(Envelope) bool) {
	m.mu.Lock()
	m.divert = f
	m.mu.Unlock()
}

// TryReceive takes the oldest message that has not expired; false means that there is none.
func (m *Mailbox) TryReceive() (Envelope, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.queue.n == 0 {
		return Envelope{}, false
	}
	m.purge(now())
	if m.queue.n == 0 {
		return Envelope{}, false
	}
	m.opts.Counters.delivered(m.stripe)
	return m.queue.pop(), true
}

// Len returns how many messages are queued.
func (m *Mailbox) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return int(m.queue.n)
}

// Pending reports whether a message or a gap waits.
func (m *Mailbox) Pending() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.pending()
}

func (m *Mailbox) pending() bool { return m.queue.n > 0 || m.gap != nil }

// Flush drops what is queued, counted as [DropClosed], and the gap. It is how a layer's [Flusher] forgets messages; who waits
// in Receive goes on waiting.
func (m *Mailbox) Flush() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clear()
	m.gap = nil
}

// Close drops what is queued, counted as [DropClosed], and makes later deliveries fail and receivers return with
// [ErrClosed]. It may be called from anywhere, Divert's and OnReady's functions included, and a call of theirs may still
// be under way when it returns. Closing twice is no error.
func (m *Mailbox) Close() {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return
	}
	m.closed = true
	m.clear()
	m.gap, m.onReady, m.divert = nil, nil, nil
	for m.waiters != nil {
		m.wake()
	}
	m.mu.Unlock()
	if m.opts.OnClose != nil {
		m.opts.OnClose(m)
	}
}

// clear drops all messages as a Close would.
func (m *Mailbox) clear() {
	m.opts.Counters.dropped(m.stripe, dropClosed, int(m.queue.n))
	m.queue = queue{}
}

func (o *MailboxOptions) capacity() int {
	if o.Capacity > 0 {
		return o.Capacity
	}
	return defaultCapacity
}

func (o *MailboxOptions) expiry() time.Duration {
	if o.Expiry > 0 {
		return o.Expiry
	}
	return defaultExpiry
}

// expire drops expired messages at the head of the queue.
func (m *Mailbox) expire(now int64) {
	m.mu.Lock()
	m.purge(now)
	m.mu.Unlock()
}
