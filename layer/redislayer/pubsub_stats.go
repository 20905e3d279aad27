package redislayer

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/gochannels/channels/layer"
)

// events counts what layer.Stats has no name for, and logs what would otherwise come too often.
type events struct {
	log        *slog.Logger
	reconnects atomic.Int64
	silences   atomic.Int64
	refused    atomic.Int64
	loggedAt   atomic.Int64 // of the last refusal, in Unix seconds
}

// logEvery is how often at most refused payloads are logged, in seconds.
const logEvery = 10

func (e *events) refuse(err error) {
	n := e.refused.Add(1)
	now := time.Now().Unix()
	if last := e.loggedAt.Load(); now-last >= logEvery && e.loggedAt.CompareAndSwap(last, now) {
		e.log.Warn("redislayer: a payload is no message and was dropped", "error", err, "so far", n)
	}
}

// Stats returns what became of all messages so far, as far as this process knows. Sent and GroupSent are its own calls.
// Routed are copies for its own mailboxes, counted when Redis delivers a message, whoever sent it. Besides, a Send that
// Redis gave to no connection counts as one copy, and a GroupSend that it gave to none although this process is subscribed
// as one for each member here; they are dropped as [layer.DropNoReceiver].
func (l *PubSub) Stats() layer.Stats { return l.stats() }

// Metrics returns Stats as metrics, and what is particular to Redis.
func (l *PubSub) Metrics() []layer.Metric {
	var up, subscriptions int64
	for _, s := range l.shards {
		if s.session.Load() != nil {
			up++
		}
		subscriptions += int64(s.topics.len())
	}
	return append(l.Stats().Metrics(),
		layer.Metric{Name: "channels_layer_redis_reconnects_total", Help: "Connections made again after a loss.", Value: l.events.reconnects.Load()},
		layer.Metric{Name: "channels_layer_redis_silences_total", Help: "Connections given up because nothing came.", Value: l.events.silences.Load()},
		layer.Metric{Name: "channels_layer_redis_refused_total", Help: "Payloads that were no message.", Value: l.events.refused.Load()},
		layer.Metric{Name: "channels_layer_redis_servers", Help: "Servers there are.", Gauge: true, Value: int64(len(l.shards))},
		layer.Metric{Name: "channels_layer_redis_servers_up", Help: "Servers connected and subscribed to.", Gauge: true, Value: up},
		layer.Metric{Name: "channels_layer_redis_subscriptions", Help: "Redis channels subscribed to, or about to be.", Gauge: true, Value: subscriptions},
	)
}
