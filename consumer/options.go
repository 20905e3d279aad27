package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/gochannels/channels/group"
	"github.com/gochannels/channels/layer"
)

// Options configure a Handler. nil and zero fields mean the defaults. They are
// copied and checked when the handler is made. Durations and sizes must not be
// negative: what has a default can't be turned off, but made as long as one
// likes.
type Options struct {
	// Layer carries messages between consumers; nil: there is none, and the
	// group methods return ErrNoLayer. Many handlers may share one. Who made it
	// closes it, after Shutdown.
	Layer layer.ChannelLayer
	// Groups are joined before Connect runs. What is sent to them meanwhile
	// arrives after Connect.
	Groups []string
	// FromClient are the message types that a client may send to the consumer's
	// handlers. All other messages of clients go to ReceiveJSON.
	FromClient []string
	// Types maps message types to methods, where the type has no method's name
	// ("user.2fa", "chatMessage"), or the method belongs to another embedded
	// field.
	Types map[string]string
	// Relay maps message types of the layer to what is sent to the client,
	// without running code of the consumer.
	Relay map[string]Relay

	// Origins are the pages that may connect: "https://example.com" and
	// "https://example.com:8443" exactly; "example.com" with any scheme and
	// port; ".example.com" with its subdomains; "*.example.com" its subdomains
	// alone; "*" all. None: pages of the host the request was sent to. A
	// handshake without an Origin header, which browsers never send, passes
	// unless RequireOrigin. To decide in another way, say "*" and refuse in
	// middleware.
	Origins       []string
	RequireOrigin bool
	// Subprotocols are those the server speaks, best first.
	Subprotocols []string
	// Compression agrees to permessage-deflate where the client offers it,
	// without context takeover.
	Compression bool

	ReadLimit  int64      // bytes of a client's message, after inflation; beyond it 1009. 64 KiB.
	QueueBytes int        // bytes that may wait for a client. 1 MiB. One message may be larger.
	Slow       SlowPolicy // what happens beyond QueueBytes. SlowClose.

	WriteTimeout      time.Duration // a write that blocks. 10 s.
	ConnectTimeout    time.Duration // Connect without Accept. 5 s.
	DisconnectTimeout time.Duration // Disconnect's context. 5 s.
	HandlerTimeout    time.Duration // a handler that others wait for so long, or that runs so long after the end, is logged. 10 s.
	PingInterval      time.Duration // silence before a ping. 25 s: proxies cut at 60 s.
	PingTimeout       time.Duration // silence after a ping before the socket is cut. 20 s.
	MaxAge            time.Duration // of a connection, give or take a tenth, before it is closed with 1012. 0: none.

	MaxConnections     int // open and connecting; beyond it 503. 0: no limit.
	ConnectConcurrency int // in Connect; beyond it 503. 0: no limit.

	DrainDelay  time.Duration // Shutdown: from not ready to refusing handshakes. 0.
	DrainWindow time.Duration // Shutdown: over which closes are spread. 2 s.

	// Keep returns the context whose values live as long as the connection. It
	// is called when Connect has returned, with the request still valid. nil:
	// the values of the request's context, without those of routers known to
	// use theirs again (chi, httprouter). A router of your own that does so
	// needs a Keep.
	Keep func(*http.Request) context.Context
	// OnError sees the errors of hooks, handlers and messages before they take
	// effect, but for those that the connection's own end causes, and returns the
	// one that shall: e itself or e.Err for no change, nil for none, a *CloseError
	// to close. What keeps a consumer from being made or from joining Groups can't
	// be taken back. It runs in the consumer's turn, but for Keep's errors, and so
	// for many connections at a time. ctx is the connection's, never cancelled.
	OnError func(ctx context.Context, e *EventError) error
	// Logger gets what no caller can be told. nil: slog.Default.
	Logger *slog.Logger
}

// SlowPolicy is what happens to a client that does not read fast enough.
type SlowPolicy uint8

// The policies.
const (
	SlowClose SlowPolicy = iota // close with 1013; the client may come back
	SlowDrop                    // drop the newest message, and count it
)

func (o *Options) withDefaults() (*Options, error) {
	c := Options{}
	if o != nil {
		c = *o
	}
	var faults []error
	duration := func(name string, d *time.Duration, def time.Duration) {
		if *d < 0 {
			faults = append(faults, fmt.Errorf("consumer: Options.%s: %v is negative", name, *d))
		}
		if *d == 0 {
			*d = def
		}
	}
	duration("WriteTimeout", &c.WriteTimeout, 10*time.Second)
	duration("ConnectTimeout", &c.ConnectTimeout, 5*time.Second)
	duration("DisconnectTimeout", &c.DisconnectTimeout, 5*time.Second)
	duration("HandlerTimeout", &c.HandlerTimeout, 10*time.Second)
	duration("PingInterval", &c.PingInterval, 25*time.Second)
	duration("PingTimeout", &c.PingTimeout, 20*time.Second)
	duration("MaxAge", &c.MaxAge, 0)
	duration("DrainDelay", &c.DrainDelay, 0)
	duration("DrainWindow", &c.DrainWindow, 2*time.Second)
	number := func(name string, n int64) {
		if n < 0 {
			faults = append(faults, fmt.Errorf("consumer: Options.%s: %d is negative", name, n))
		}
	}
	number("ReadLimit", c.ReadLimit)
	number("QueueBytes", int64(c.QueueBytes))
	number("MaxConnections", int64(c.MaxConnections))
	number("ConnectConcurrency", int64(c.ConnectConcurrency))
	if c.ReadLimit == 0 {
		c.ReadLimit = 64 << 10
	}
	if c.ReadLimit > maxReadLimit {
		faults = append(faults, fmt.Errorf("consumer: Options.ReadLimit: %d is more than %d", c.ReadLimit, int64(maxReadLimit)))
	}
	if c.QueueBytes == 0 {
		c.QueueBytes = 1 << 20
	}
	if c.Slow > SlowDrop {
		faults = append(faults, fmt.Errorf("consumer: Options.Slow: %d is no policy", c.Slow))
	}
	c.Groups, c.Subprotocols = slices.Clone(c.Groups), slices.Clone(c.Subprotocols)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if v := reflect.ValueOf(c.Layer); v.Kind() == reflect.Pointer && v.IsNil() {
		faults = append(faults, fmt.Errorf("consumer: Options.Layer is a nil %T", c.Layer))
		c.Layer = nil
	}
	faults = append(faults, c.checkNames()...)
	return &c, errors.Join(faults...)
}

// maxReadLimit keeps lengths within an int of 32 bits.
const maxReadLimit = 1 << 30

func (o *Options) checkNames() (faults []error) {
	if o.Layer == nil && len(o.Groups) > 0 {
		faults = append(faults, errors.New("consumer: Options.Groups needs Options.Layer"))
	}
	if o.Layer == nil && len(o.Relay) > 0 {
		faults = append(faults, errors.New("consumer: Options.Relay needs Options.Layer"))
	}
	check := group.CheckName
	if c, ok := o.Layer.(layer.NameChecker); ok {
		check = c.CheckGroupName
	}
	for _, name := range o.Groups {
		if err := check(name); err != nil {
			faults = append(faults, fmt.Errorf("consumer: Options.Groups: %w", err))
		}
	}
	for _, p := range o.Subprotocols {
		if !isToken(p) {
			faults = append(faults, fmt.Errorf("consumer: Options.Subprotocols: %.60q is not a token (RFC 9110 section 5.6.2)", p))
		}
	}
	return faults
}
