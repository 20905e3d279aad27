package redislayer

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer/internal/wire"
)

// A script gets at most so many messages, so that it has less than a thousand arguments, and about so many bytes.
const (
	deliverAtOnce = 300
	deliverBytes  = 16 << 20
)

// parcel is a message on its way into one key.
type parcel struct {
	key      string
	process  string   // what the keys of a Go process have in common; else empty
	names    []string // the channels it is for
	payload  []byte
	capacity int // negative for a Go process'
}

// parcels returns what to send, by shard. A name that Python would not have written is left out.
func (l *Core) parcels(members []string, e layer.Envelope) ([][]parcel, error) {
	byShard := make([][]parcel, len(l.shards))
	type place struct{ shard, index int }
	places := make(map[string]place, min(len(members), 64))
	for _, name := range members {
		if wire.CheckChannelName(name, false) != nil {
			continue
		}
		process := nonLocal(name)
		at, ok := places[process]
		if !ok {
			shard := wire.Shard(process, len(l.shards))
			at = place{shard, len(byShard[shard])}
			places[process] = at
			byShard[shard] = append(byShard[shard], parcel{key: l.key(process), process: goProcess(process), capacity: l.capacityOf(process, name)})
		}
		p := &byShard[at.shard][at.index]
		p.names = append(p.names, name)
	}
	for _, parcels := range byShard {
		for i := range parcels {
			names := parcels[i].names
			if parcels[i].process != "" {
				names = append(slices.Clip(names), goSender)
			}
			payload, err := l.codec.Encode(e, names)
			if err != nil {
				return nil, err
			}
			parcels[i].payload = payload
		}
	}
	return byShard, nil
}

// deliver puts parcels into their keys, in one round trip, and returns the indices of those there was no room for. Their
// score is at, or if that is empty the server's time, which orders what all Go processes send.
func (p *coreSession) deliver(ctx context.Context, parcels []parcel, at string) (refused []int, err error) {
	tail := []string{seconds10(p.shard.layer.expiry()), at}
	if len(parcels) > 1 {
		slices.SortStableFunc(parcels, func(a, b parcel) int { return strings.Compare(a.process, b.process) })
	}
	var runs []invocation
	var starts []int
	for from := 0; from < len(parcels); {
		to := chunk(parcels, from)
		runs, starts = append(runs, deliverRun(parcels[from:to], tail)), append(starts, from)
		from = to
	}
	res, err := p.eval(ctx, deliverScript, runs...)
	if err != nil {
		return nil, doubt(err)
	}
	errs := make([]error, len(res))
	for i, r := range res {
		full, err := r.AsIntSlice()
		errs[i] = doubt(err)
		for _, n := range full {
			refused = append(refused, starts[i]+int(n)-1)
		}
	}
	return refused, together(errs)
}

// chunk returns where the parcels for one script end that begin with from. Those for one Go process stay together, so that
// it finds all of them at once, with one score.
func chunk(parcels []parcel, from int) (to int) {
	bytes := 0
	for to = from; to < len(parcels); to++ {
		p := &parcels[to]
		full := to-from >= deliverAtOnce || bytes+len(p.payload) > deliverBytes
		if full && to > from && (p.process == "" || p.process != parcels[to-1].process) {
			return to
		}
		bytes += len(p.payload)
	}
	return to
}

func deliverRun(parcels []parcel, tail []string) invocation {
	n := len(parcels)
	run := invocation{keys: make([]string, n), args: make([]string, 2*n, 2*n+len(tail))}
	for i, p := range parcels {
		run.keys[i] = p.key
		run.args[i] = rueidis.BinaryString(p.payload)
		run.args[n+i] = strconv.Itoa(p.capacity)
	}
	run.args = append(run.args, tail...)
	return run
}
