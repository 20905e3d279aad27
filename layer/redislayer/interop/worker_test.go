package interop_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
	"github.com/gochannels/channels/testing/consumertest"
)

// jobs is a Go worker: it tells the group "results" of each job.
type jobs struct{ consumer.Base }

func (c *jobs) TestMessage(ctx context.Context, msg consumer.Message) error {
	return c.GroupSend(ctx, "results", msg)
}

func runJobs(t *testing.T, l layer.ChannelLayer, channel string, slots int) {
	t.Helper()
	consumertest.RunWorker(t, consumer.MustWorker(channel, func() *jobs { return new(jobs) }, &consumer.WorkerOptions{Layer: l, Slots: slots}))
}

// TestWorkers sends jobs to workers of the other language by the name of their channel.
func TestWorkers(t *testing.T) {
	t.Parallel()
	for _, s := range []setting{usual, settings[4]} {
		for _, version := range versions {
			t.Run(s.name+"/"+version, func(t *testing.T) {
				t.Parallel()
				e := newSite(t, core, s)
				py, l := e.python(t, sharedPeer(t, version)), e.layer(t)

				results := []*member{joinGo(t, l, "results"), py.join(t, "results")}
				runJobs(t, l, "go-jobs", 1)
				py.ask(t, "burst", args{"channel": "go-jobs", "sender": "python", "count": 30})
				for _, m := range results {
					once(t, m, "python", 30, s.shards == 1)
				}

				worker := py.listen(t, "python-jobs")
				for n := range 30 {
					if err := l.Send(t.Context(), "python-jobs", numbered("go", n)); err != nil {
						t.Fatal(err)
					}
				}
				once(t, worker, "go", 30, s.shards == 1)
				settle(t, append(results, worker)...)
			})
		}
	}
}

// once is eachOnce for a named channel: on several shards its messages take turns, and have no order.
func once(t *testing.T, m *member, sender string, count int, ordered bool) {
	t.Helper()
	got := m.take(t, count)
	if !ordered {
		slices.SortFunc(got, func(a, b layer.Message) int { return cmp.Compare(a["n"].(int64), b["n"].(int64)) })
	}
	checkOnce(t, m.name, got, map[string]int{sender: count})
}

// TestWorkersOfBoth has workers of Python and of Go read one channel: each job is done once.
func TestWorkersOfBoth(t *testing.T) {
	t.Parallel()
	e := newSite(t, core, usual)
	py, l := e.python(t, sharedPeer(t, latest)), e.layer(t)
	inGo, inPython := joinGo(t, l, "results"), py.listen(t, "jobs")
	runJobs(t, l, "jobs", 4)
	together(
		t,
		func(ctx context.Context) error {
			_, err := py.do(ctx, "burst", args{"layer": py.name, "channel": "jobs", "sender": "python", "count": 40})
			return err
		},
		func(ctx context.Context) error {
			for n := range 40 {
				if err := l.Send(ctx, "jobs", numbered("go", n)); err != nil {
					return fmt.Errorf("job %d: %w", n, err)
				}
			}
			return nil
		},
	)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	done := map[string]int{}
	for count := 0; count < 80; {
		for _, msg := range inPython.takeSome(t) {
			done[fmt.Sprint(msg["sender"], msg["n"])]++
			count++
		}
		for {
			e, ok := inGo.mailbox.TryReceive()
			if !ok {
				break
			}
			msg := decode(t, e)
			done[fmt.Sprint(msg["sender"], msg["n"])]++
			count++
		}
		if ctx.Err() != nil {
			t.Fatalf("%d of 80 jobs were done", count)
		}
	}
	settle(t, inGo, inPython)
	if len(done) != 80 {
		t.Errorf("%d of 80 jobs were done, some of them twice: %v", len(done), done)
	}
}

// TestInFlightOfPython: a job that a Python worker has taken and not yet confirmed is not taken from it by Go.
func TestInFlightOfPython(t *testing.T) {
	t.Parallel()
	e := newSite(t, core, usual)
	py, l := e.python(t, sharedPeer(t, latest)), e.layer(t)
	py.ask(t, "burst", args{"channel": "jobs", "sender": "taken", "count": 1})
	// What a Python worker does between BZPOPMIN and ZPOPMIN of its backup.
	moved := e.servers[0].CLI("EVAL", `local m = redis.call('ZPOPMIN', KEYS[1])
		return redis.call('ZADD', KEYS[2], m[2], m[1])`, "2", "asgijobs", "asgijobs$inflight")
	if moved != "1" {
		t.Fatalf("moving the job: %q", moved)
	}
	results := joinGo(t, l, "results")
	runJobs(t, l, "jobs", 1)
	py.ask(t, "burst", args{"channel": "jobs", "sender": "next", "count": 3})
	eachOnce(t, results, map[string]int{"next": 3})
	if left := card(t, e.servers[0], "asgijobs$inflight"); left != "1" {
		t.Errorf("the backup holds %s messages, want 1", left)
	}
}

func card(t *testing.T, s *redistest.Server, key string) string {
	t.Helper()
	return s.CLI("ZCARD", key)
}

// listen collects the messages of a named channel, as a Python worker does.
func (l *pythonLayer) listen(t testing.TB, channel string) *member {
	t.Helper()
	m := &member{name: fmt.Sprintf("worker%d", unique.Add(1)), channel: channel, python: l}
	l.ask(t, "collect", args{"name": m.name, "channel": channel})
	t.Cleanup(func() { m.drop(t) })
	return m
}

// takeSome returns what has arrived in Python so far.
func (m *member) takeSome(t testing.TB) []layer.Message {
	t.Helper()
	found := m.python.must(t, "collected", args{"name": m.name, "count": 1, "timeout": 0.1}).(map[string]any)
	var all []layer.Message
	for _, v := range found["messages"].([]any) {
		all = append(all, v.(map[string]any))
	}
	return all
}
