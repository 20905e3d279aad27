package redislayer

import "github.com/gochannels/channels/layer"

// Stats returns what became of all messages so far, as far as this process knows: Sent and GroupSent are its own calls, and
// Routed are copies for its own mailboxes, made when a message has come out of Redis, and those that a full key refused.
// What another process received is counted there.
func (l *Core) Stats() layer.Stats { return l.stats() }

// Metrics returns Stats as metrics, and what is particular to Redis.
func (l *Core) Metrics() []layer.Metric {
	var up int64
	for _, s := range l.shards {
		if s.session.Load() != nil {
			up++
		}
	}
	return append(l.Stats().Metrics(),
		layer.Metric{Name: "channels_layer_redis_reconnects_total", Help: "Connections made again after a loss.", Value: l.events.reconnects.Load()},
		layer.Metric{Name: "channels_layer_redis_refused_total", Help: "Payloads that were no message.", Value: l.events.refused.Load()},
		layer.Metric{Name: "channels_layer_redis_servers", Help: "Servers there are.", Gauge: true, Value: int64(len(l.shards))},
		layer.Metric{Name: "channels_layer_redis_servers_up", Help: "Servers connected to.", Gauge: true, Value: up},
	)
}
