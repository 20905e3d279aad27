package consumer

import (
	"log/slog"
	"sync/atomic"
	"time"
)

// notices are records that clients or senders can cause as often as they like,
// of a handler or a worker. Of each kind one a minute is logged at its level, and
// the others are for slog.LevelDebug.
type notices struct {
	refused, unusable, origin, dropped, relay, gap, layer, overdue notice
}

type notice struct{ next atomic.Int64 } // in Unix nanoseconds

func (n *notice) level(l slog.Level) slog.Level {
	now, next := time.Now().UnixNano(), n.next.Load()
	if now < next || !n.next.CompareAndSwap(next, now+int64(time.Minute)) {
		return slog.LevelDebug
	}
	return l
}
