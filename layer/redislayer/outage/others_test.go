package outage_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

// other, in the environment, makes the test binary another process of the group, until its input ends. It is the layer and
// its server.
const other = "OUTAGE_OTHER"

func init() { redistest.Serve(other, serveOther) }

func serveOther(at [2]string) {
	l, err := kinds[at[0]](&redislayer.Options{Hosts: []any{at[1]}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic(err)
	}
	box, err := l.NewChannel(context.Background())
	for _, group := range []string{"all", "other"} {
		if err == nil {
			err = l.GroupAdd(context.Background(), group, box.Channel())
		}
	}
	if err != nil {
		panic(err)
	}
	redistest.UntilLeft()
}

// startOther starts another process, and returns when it is in the group. It ends with the test.
func startOther(t *testing.T, p *place) *os.Process {
	t.Helper()
	process, _ := redistest.Again(t, other, [2]string{p.kind, p.server.URL()})
	until(t, "the other process is in the group", func() bool { return p.processes() == "2" })
	return process
}

// otherKilled kills another process that is in the group, as kill -9 does. Within thirty seconds it is out of it.
func otherKilled(t *testing.T, p *place) {
	if err := startOther(t, p).Kill(); err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	until(t, "it is out of the group", func() bool { return p.processes() == "1" }) // within 30 s, which is patience
	t.Logf("it is out of the group %.1f s after the kill", time.Since(killed).Seconds())
}

// otherStopped stops another process that is in the group, and lets it go on, over and over. Delivery in this one is as fast
// in the one case as in the other.
func otherStopped(t *testing.T, p *place) {
	const rounds = 5
	process, box := startOther(t, p), p.member(t)
	var running, stopped []time.Duration
	for range rounds {
		running = append(running, p.pace(t, box)...)
		signal(t, process, syscall.SIGSTOP)
		stopped = append(stopped, p.pace(t, box)...)
		signal(t, process, syscall.SIGCONT)
	}
	compare(t, running, stopped)
	until(t, "the other process is in the group again", func() bool { return p.processes() == "2" })
}

// otherDropped stops another process, until the server closes its connection as more waits there than it allows. Meanwhile
// delivery in this one goes on, and afterwards the other is in the group again.
func otherDropped(t *testing.T, p *place) {
	process, box := startOther(t, p), p.member(t)
	running := p.pace(t, box)
	signal(t, process, syscall.SIGSTOP)
	p.server.CLI("EVAL", "for i = 1, 60 do redis.call('PUBLISH', KEYS[1], string.rep('x', 1000000)) end", "1", "asgi__group__other")
	until(t, "the server closes the other's connection", func() bool { return p.processes() == "1" })
	stopped := p.pace(t, box)
	signal(t, process, syscall.SIGCONT)
	until(t, "the other process is in the group again", func() bool { return p.processes() == "2" })
	running = append(running, p.pace(t, box)...)
	compare(t, running, stopped)
}

// compare checks that messages took at most four times as long, and ten milliseconds for a busy machine.
func compare(t *testing.T, running, stopped []time.Duration) {
	t.Helper()
	before, now := median(running), median(stopped)
	if most := 4*before + 10*time.Millisecond; now > most {
		t.Errorf("a message takes %v while another process is stopped, want at most %v", now, most)
	}
	t.Logf("a message takes %v while another process is stopped, and %v otherwise", now, before)
}

func signal(t *testing.T, p *os.Process, s os.Signal) {
	t.Helper()
	if err := p.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// member is one more in the group.
func (p *place) member(t *testing.T) *layer.Mailbox {
	t.Helper()
	box, err := p.site.layer.NewChannel(t.Context())
	if err == nil {
		t.Cleanup(box.Close)
		err = p.site.layer.GroupAdd(t.Context(), "all", box.Channel())
	}
	if err != nil {
		t.Fatal(err)
	}
	return box
}

// pace returns how long each of some messages to the group takes until a member has it.
func (p *place) pace(t *testing.T, box *layer.Mailbox) []time.Duration {
	t.Helper()
	took := make([]time.Duration, 20)
	for i := range took {
		id, begun := rand.Text(), time.Now()
		if err := p.site.layer.GroupSend(t.Context(), "all", layer.Message{"type": "said", "id": id}); err != nil {
			t.Fatal(err)
		}
		for heard := ""; heard != id; {
			e, err := box.Receive(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			msg, err := e.Message()
			if err != nil {
				t.Fatal(err)
			}
			heard, _ = msg["id"].(string)
		}
		took[i] = time.Since(begun)
	}
	return took
}

func median(all []time.Duration) time.Duration { return slices.Sorted(slices.Values(all))[len(all)/2] }
