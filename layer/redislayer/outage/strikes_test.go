package outage_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

// drowsy starts a server that may be told to sleep.
func drowsy(t *testing.T, p *place) redislayer.Options {
	p.server = redistest.Start(t, "--enable-debug-command", "yes")
	return redislayer.Options{Hosts: []any{p.server.URL()}}
}

// impatient starts a server that closes connections that do not read what they subscribed to.
func impatient(t *testing.T, p *place) redislayer.Options {
	p.server = redistest.Start(t, "--client-output-buffer-limit", "pubsub 8mb 0 0")
	p.proxy = redistest.NewProxy(t, p.server.Addr())
	return redislayer.Options{Hosts: []any{p.proxy.URL()}}
}

// slow has the process read nothing until the server has had enough.
func slow(t *testing.T, p *place) {
	p.proxy.BlackholeDown(true)
	p.server.CLI("EVAL", "for i = 1, 60 do redis.call('PUBLISH', KEYS[1], string.rep('x', 1000000)) end", "1", "asgi__group__all")
	until(t, "the server closes the connection", func() bool { return p.processes() == "0" })
	p.proxy.BlackholeDown(false)
}

// laden starts a server that takes its time to load what it had saved.
func laden(t *testing.T, p *place) redislayer.Options {
	p.server = redistest.Start(t, "--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024")
	p.server.CLI("EVAL", "for i = 1, 3000 do redis.call('SET', 'much' .. i, i) end", "0")
	return redislayer.Options{Hosts: []any{p.server.URL()}}
}

// reloaded has the server killed and started again: for some seconds it answers that it is loading.
func reloaded(t *testing.T, p *place) {
	p.server.CLI("SAVE")
	p.server.Kill()
	began := time.Now()
	p.server.Restart() // which returns when it has loaded
	if took := time.Since(began); took < 2*time.Second {
		t.Errorf("it has loaded everything within %v", took)
	}
}

// heartbeat is how often a process renews its memberships.
const heartbeat = 6 * time.Second

// evicted has no room for what the server holds, until it has thrown away the group and the ledger, as its policy allows.
func evicted(t *testing.T, p *place) {
	p.server.CLI("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
	p.server.CLI("CONFIG", "SET", "maxmemory", "1")
	until(t, "the group and the ledger are evicted", func() bool { return p.processes() == "0" && p.ledger() == "" })
	p.server.CLI("CONFIG", "SET", "maxmemory", "0")
	if stats := p.server.CLI("INFO", "stats"); strings.Contains(stats, "evicted_keys:0") {
		t.Errorf("the server has evicted nothing: %s", stats)
	}
}

// unlisted deletes the ledger, by which others would find the process if it died. It is there again with the next heartbeat.
func unlisted(t *testing.T, p *place) {
	ledger := p.ledger()
	if n := p.server.CLI("DEL", ledger); n != "1" {
		t.Fatalf("%q is no ledger", ledger)
	}
	deleted := time.Now()
	until(t, "the ledger is there again", func() bool { return p.ledger() == ledger })
	if took, most := time.Since(deleted), heartbeat+slack; took > most {
		t.Errorf("the ledger was there again after %v, want %v", took, most)
	}
}

// ledger returns the key in which the only process keeps its memberships, "" if there is none.
func (p *place) ledger() string { return p.server.CLI("KEYS", "asgi:go:go"+strings.Repeat("?", 12)) }

// processes returns how many are in the group that all connections are in.
func (p *place) processes() string {
	if p.kind == "Core" {
		return p.server.CLI("ZCARD", "asgi:group:all")
	}
	_, n, _ := strings.Cut(p.server.CLI("PUBSUB", "NUMSUB", "asgi__group__all"), "\n")
	return n
}

// garbage puts what is no message into the keys that the processes in the group read.
func garbage(_ *testing.T, p *place) {
	for _, member := range strings.Fields(p.server.CLI("ZRANGE", "asgi:group:all", "0", "-1")) {
		process, _, _ := strings.Cut(member, "!")
		for i, text := range []string{"", "x", "twelve bytes", "twelve bytes\xc1", "twelve bytes\xdf\xff\xff\xff\xff"} {
			p.server.CLI("ZADD", "asgi"+process+"!", fmt.Sprint(i), text)
		}
	}
}

// givenUp makes many calls whose contexts end at any point.
func givenUp(t *testing.T, p *place) {
	l := p.site.layer
	var work sync.WaitGroup
	for range 8 {
		work.Go(func() {
			for n := range 200 {
				ctx, cancel := context.WithTimeout(t.Context(), rand.N(3*time.Millisecond))
				box, err := l.NewChannel(ctx)
				if err == nil {
					err = errors.Join(
						l.GroupAdd(ctx, fmt.Sprint("given.up", n%10), box.Channel()), l.GroupSend(ctx, "given.up1", layer.Message{"type": "said"}),
						l.Send(ctx, box.Channel(), layer.Message{"type": "said"}), l.GroupDiscard(ctx, fmt.Sprint("given.up", n%10), box.Channel()),
					)
					box.Close()
				}
				cancel()
				if err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("a call that is given up: %v", err)
				}
			}
		})
	}
	work.Wait()
	until(t, "nobody is in a group of theirs", func() bool {
		return p.server.CLI("EXISTS", "asgi:group:given.up1") == "0" && strings.HasSuffix(p.server.CLI("PUBSUB", "NUMSUB", "asgi__group__given.up1"), "\n0")
	})
}
