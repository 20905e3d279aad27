package consumer

import (
	"slices"
	"sync/atomic"

	"github.com/gochannels/channels/consumer/internal/transport"
	"github.com/gochannels/channels/layer"
)

// Stats is what a Handler or a Worker counted since it was made. Maps hold the
// reasons that occurred:
//
//	Refused  handshake            no WebSocket handshake
//	         origin               a page that may not connect: Options.Origins
//	         connect              Connect's error, or its Close
//	         connect_timeout      Connect ran for ConnectTimeout
//	         max_connections, connect_concurrency, draining
//	         layer                the layer is down or full
//	         panic                the factory's or Connect's
//	         client_gone          the client left meanwhile
//	         hijack               middleware hides the connection
//	Closed   client, server       by a close frame of that side
//	         lost                 without a close frame
//	         protocol             the client broke RFC 6455 or 7692
//	         too_big              beyond Options.ReadLimit
//	         slow                 beyond Options.QueueBytes
//	         write_timeout, ping_timeout
//	Dropped  ignored              by a consumer without ReceiveJSON
//	         unknown_type         no handler
//	         undecodable          not a message, or not one that its handler takes
//	         closed               after the end
//	         slow                 beyond Options.QueueBytes, with SlowDrop too
//	         unsent               queued, and the connection ended first
//	         no_consumer          a worker's factory failed
//	Errors   handler, panic, layer
type Stats struct {
	Open         int64            // connections now
	Accepted     int64            // handshakes
	Refused      map[string]int64 // handshakes, by reason
	Closed       map[string]int64 // connections, by what ended them
	Disconnected int64            // Disconnect hooks that ran
	Received     int64            // data messages from clients
	Handled      int64            // messages given to a hook or handler, from either side
	Relayed      int64            // layer messages sent without running code
	Sent         int64            // frames queued for clients, relayed ones too
	Dropped      map[string]int64 // messages and frames, by reason
	Errors       map[string]int64 // of hooks and handlers, by kind
	Gaps         int64            // reports of lost messages
	Overdue      int64            // hooks and handlers for which other messages waited for HandlerTimeout
	Stuck        int64            // handlers that ran past HandlerTimeout after the end
}

// counter is an index of what is counted.
type counter uint8

const (
	accepted counter = iota
	disconnected
	received
	handled
	relaysSent
	framesSent
	gaps
	overdue
	stuck

	refusedHandshake // not a WebSocket handshake
	refusedOrigin
	refusedDraining
	refusedConnections
	refusedConcurrency
	refusedConnect // Connect's error, or its Close
	refusedTimeout
	refusedLayer
	refusedPanic // the factory's or Connect's
	refusedGone  // the client left meanwhile
	refusedHijack

	closedClient // in the order of transport.Cause
	closedServer
	closedLost
	closedProtocol
	closedTooBig
	closedSlow
	closedWriteTimeout
	closedPingTimeout

	dropIgnored     // the default ReceiveJSON
	dropUnknown     // no handler for the type
	dropUndecodable // not a message, or not one the handler's type takes
	dropClosed      // sent after the end
	dropSlow        // the queue was full
	dropUnsent      // queued, and the socket ended first
	dropNoConsumer  // a worker's factory failed
	errorHandler
	errorPanic
	errorLayer
	numCounters
)

var counterInfo = [numCounters]struct{ name, reason, help string }{
	accepted:     {"accepted", "", "Handshakes accepted."},
	disconnected: {"disconnected", "", "Disconnect hooks that ran."},
	received:     {"received", "", "Data messages from clients."},
	handled:      {"handled", "", "Messages given to a hook or handler."},
	relaysSent:   {"relayed", "", "Layer messages sent on without running code."},
	framesSent:   {"sent", "", "Frames queued for clients."},
	gaps:         {"gaps", "", "Reports that the layer lost messages."},
	overdue:      {"overdue", "", "Hooks and handlers for which other messages waited for HandlerTimeout."},
	stuck:        {"stuck", "", "Handlers still running HandlerTimeout after their connection's end."},

	refusedHandshake:   {"refused", "handshake", "Handshakes refused."},
	refusedOrigin:      {"refused", "origin", ""},
	refusedDraining:    {"refused", "draining", ""},
	refusedConnections: {"refused", "max_connections", ""},
	refusedConcurrency: {"refused", "connect_concurrency", ""},
	refusedConnect:     {"refused", "connect", ""},
	refusedTimeout:     {"refused", "connect_timeout", ""},
	refusedLayer:       {"refused", "layer", ""},
	refusedPanic:       {"refused", "panic", ""},
	refusedGone:        {"refused", "client_gone", ""},
	refusedHijack:      {"refused", "hijack", ""},

	closedClient:       {"closed", "client", "Connections ended."},
	closedServer:       {"closed", "server", ""},
	closedLost:         {"closed", "lost", ""},
	closedProtocol:     {"closed", "protocol", ""},
	closedTooBig:       {"closed", "too_big", ""},
	closedSlow:         {"closed", "slow", ""},
	closedWriteTimeout: {"closed", "write_timeout", ""},
	closedPingTimeout:  {"closed", "ping_timeout", ""},

	dropIgnored:     {"dropped", "ignored", "Messages and frames dropped."},
	dropUnknown:     {"dropped", "unknown_type", ""},
	dropUndecodable: {"dropped", "undecodable", ""},
	dropClosed:      {"dropped", "closed", ""},
	dropSlow:        {"dropped", "slow", ""},
	dropUnsent:      {"dropped", "unsent", ""},
	dropNoConsumer:  {"dropped", "no_consumer", ""},
	errorHandler:    {"errors", "handler", "Errors of hooks and handlers."},
	errorPanic:      {"errors", "panic", ""},
	errorLayer:      {"errors", "layer", ""},
}

// counters are striped over connections, so that cores rarely share a line.
type counters struct {
	stripes [8]stripe
	next    atomic.Uint32
	unsent  atomic.Int64 // the transport's
}

type stripe struct {
	n [numCounters]atomic.Int64
	_ [64]byte
}

func (s *stripe) add(c counter) { s.n[c].Add(1) }

func (c *counters) stripe() *stripe { return &c.stripes[c.next.Add(1)%uint32(len(c.stripes))] }

func (c *counters) sum(i counter) int64 {
	if i == dropUnsent {
		return c.unsent.Load()
	}
	var n int64
	for j := range c.stripes {
		n += c.stripes[j].n[i].Load()
	}
	return n
}

func (c *counters) stats(open int64) Stats {
	reasons := func(name string) map[string]int64 {
		m := map[string]int64{}
		for i := range numCounters {
			if info := counterInfo[i]; info.name == name {
				if n := c.sum(i); n != 0 {
					m[info.reason] = n
				}
			}
		}
		return m
	}
	return Stats{
		Open:         open,
		Accepted:     c.sum(accepted),
		Refused:      reasons("refused"),
		Closed:       reasons("closed"),
		Disconnected: c.sum(disconnected),
		Received:     c.sum(received),
		Handled:      c.sum(handled),
		Relayed:      c.sum(relaysSent),
		Sent:         c.sum(framesSent),
		Dropped:      reasons("dropped"),
		Errors:       reasons("errors"),
		Gaps:         c.sum(gaps),
		Overdue:      c.sum(overdue),
		Stuck:        c.sum(stuck),
	}
}

// metrics returns what is counted under names, or all of it.
func (c *counters) metrics(prefix string, names ...string) []layer.Metric {
	metrics := make([]layer.Metric, 0, numCounters+1)
	help := ""
	for i := range numCounters {
		info := counterInfo[i]
		if info.help != "" {
			help = info.help
		}
		if len(names) > 0 && !slices.Contains(names, info.name) {
			continue
		}
		metrics = append(metrics, layer.Metric{Name: prefix + info.name + "_total", Reason: info.reason, Help: help, Value: c.sum(i)})
	}
	return metrics
}

func closedBy(cause transport.Cause) counter { return closedClient + counter(cause) }
