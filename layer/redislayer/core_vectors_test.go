package redislayer

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/redis/rueidis"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
	"github.com/gochannels/channels/layer/redislayer/internal/vectors"
)

// coreVector is what channels_redis' core layer was seen to do, and what Redis held in the end.
type coreVector struct {
	Name   string
	Hosts  int
	Config map[string]json.RawMessage // the order of capacities counts
	Steps  []struct {
		By       string
		Call     []vectors.Value
		Result   vectors.Value
		Error    string
		Commands []struct {
			Shard   int
			Command []any
			Reply   any
		}
	}
	After []struct {
		Shard, TTL int
		Key        string
		Zset       [][2]any
	} `json:"redis_after"`
}

// coreSet is a sorted set as it is compared: members decoded, with their scores.
type coreSet struct {
	TTL     int
	Members []coreMember
}

type coreMember struct {
	Text     string // of a group
	Message  layer.Message
	Channels []string
	Score    float64
}

// coreReplay is one case.
type coreReplay struct {
	t       *testing.T
	layer   *Core
	clients []rueidis.Client
	now     int64 // of the layer's clock
}

// coreUnlike are the cases in which we do otherwise on purpose: we send to the server that the receiver reads, and never
// put back what another reader has taken.
var coreUnlike = []string{"wrong_shard", "inflight_recovery"}

// TestCoreVectors sends what Python sent, at the same times, and compares what is in Redis then. Memberships are made as
// Python makes them, and other processes' keys are read as Python reads them: those are not ours to do.
func TestCoreVectors(t *testing.T) {
	t.Parallel()
	servers := []*redistest.Server{redistest.Start(t), redistest.Start(t), redistest.Start(t)}
	for _, c := range vectors.Read[coreVector](t, "core_commands") {
		if slices.ContainsFunc(coreUnlike, func(s string) bool { return strings.Contains(c.Name, s) }) {
			continue // unlike Python on purpose
		}
		t.Run(c.Name, func(t *testing.T) {
			for len(servers) < c.Hosts {
				servers = append(servers, redistest.Start(t))
			}
			for _, s := range servers {
				s.CLI("FLUSHALL")
			}
			r := newCoreReplay(t, servers[:c.Hosts], c.Config)
			r.preset(&c)
			for i := range c.Steps {
				r.step(&c, i)
			}
			r.compare(&c)
		})
	}
}

func newCoreReplay(t *testing.T, servers []*redistest.Server, config map[string]json.RawMessage) *coreReplay {
	t.Helper()
	r := &coreReplay{t: t, now: 1800000000123456}
	hosts := make([]any, len(servers))
	for i, s := range servers {
		hosts[i] = s.URL()
	}
	full := map[string]any{"hosts": hosts}
	for k, v := range config {
		full[k] = v
	}
	j, err := json.Marshal(map[string]any{"default": map[string]any{"BACKEND": coreBackend, "CONFIG": full}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := FromDjango(j, "default", &Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	r.layer = l.(*Core)
	for !r.layer.Ready() {
		if !r.layer.rest(time.Millisecond) {
			t.Fatal("closed")
		}
	}
	for _, s := range r.layer.shards {
		r.clients = append(r.clients, s.session.Load().client)
		s.clock.fix(func() int64 { return r.now })
	}
	return r
}

// preset puts into Redis what the case receives and nobody in it has sent.
func (r *coreReplay) preset(c *coreVector) {
	for _, s := range c.Steps {
		if s.Call[0].Value != "receive" {
			return
		}
	}
	for _, s := range c.Steps {
		for _, m := range s.Commands {
			if reply, ok := m.Reply.([]any); ok && m.Command[0] == "BZPOPMIN" && len(reply) == 3 {
				r.do(m.Shard, "ZADD", vectorBytes(r.t, reply[0]), reply[2].(string), vectorBytes(r.t, reply[1]))
			}
		}
	}
}

// do sends a command as it is.
func (r *coreReplay) do(shard int, args ...string) rueidis.RedisMessage {
	r.t.Helper()
	m, err := r.clients[shard].Do(r.t.Context(), r.clients[shard].B().Arbitrary(args...).Build()).ToMessage()
	if err != nil && !rueidis.IsRedisNil(err) {
		r.t.Fatalf("%v: %v", args[:2], err)
	}
	return m
}

func (r *coreReplay) step(c *coreVector, i int) {
	s, ctx, l := &c.Steps[i], r.t.Context(), r.layer
	for _, m := range s.Commands {
		r.clock(m.Command)
	}
	text := func(i int) string {
		s, _ := s.Call[i].Value.(string)
		return s
	}
	var err error
	switch s.Call[0].Value {
	case "send", "group_send":
		msg, ok := s.Call[2].Value.(map[string]any)
		if !ok || s.Call[2].None {
			return // no message, or one that only Python can make
		}
		if s.Call[0].Value == "send" {
			err = l.Send(ctx, text(1), msg)
		} else {
			err = l.GroupSend(ctx, text(1), msg)
		}
	case "group_add":
		if s.Error != "" {
			err = l.GroupAdd(ctx, text(1), text(2))
			break
		}
		for _, m := range s.Commands {
			r.do(m.Shard, vectorTexts(r.t, m.Command)...)
		}
	case "group_discard":
		err = l.GroupDiscard(ctx, text(1), text(2))
	case "receive":
		r.receive(c, i)
		return
	case "flush":
		err = l.Flush(ctx)
	default:
		return
	}
	if (err != nil) != (s.Error != "") {
		r.t.Errorf("step %d, %s: %v, there %q", i, s.Call[0].Value, err, s.Error)
	}
}

// clock takes the time of a call from a command of its: to the microsecond, or to the second if all has expired or is full.
func (r *coreReplay) clock(command []any) {
	if len(command) < 2 {
		return
	}
	at, expiry := "", time.Duration(0)
	switch key := vectorBytes(r.t, command[1]); {
	case command[0] == "ZADD" && !strings.HasSuffix(key, "$inflight"):
		at, _ = command[2].(string)
	case command[0] == "EVAL" && command[2] != "0":
		at, _ = command[len(command)-2].(string)
	case command[0] == "ZREMRANGEBYSCORE":
		at, _ = command[3].(string)
		expiry = r.layer.opts.Expiry
		if strings.Contains(key, ":group:") {
			expiry = r.layer.opts.GroupExpiry
		}
	}
	if f, err := strconv.ParseFloat(at, 64); err == nil {
		r.now = int64(math.Round(f*1e6)) + expiry.Microseconds()
	}
}

// receive reads a named channel by us, and another process' key as Python does.
func (r *coreReplay) receive(c *coreVector, i int) {
	s := &c.Steps[i]
	if s.Error != "" {
		return
	}
	channel := s.Call[1].Value.(string)
	if !strings.Contains(channel, "!") {
		ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
		defer cancel()
		e, err := r.layer.Receive(ctx, channel)
		if err != nil {
			r.t.Fatalf("step %d: %v", i, err)
		}
		r.same(i, e, s.Result)
		return
	}
	var last *layer.Envelope // what came before it was for other channels
	for _, m := range s.Commands {
		if reply, ok := m.Reply.([]any); ok && m.Command[0] == "BZPOPMIN" && len(reply) == 3 {
			got := r.do(m.Shard, "ZPOPMIN", vectorBytes(r.t, reply[0]))
			popped, err := got.AsStrSlice()
			if err != nil || len(popped) == 0 {
				r.t.Fatalf("step %d: nothing in %v: %v", i, reply[0], err)
			}
			e, _, err := r.layer.codec.Decode([]byte(popped[0]), time.Now())
			if err != nil {
				r.t.Fatalf("step %d: %v", i, err)
			}
			last = &e
		}
	}
	if last != nil {
		r.same(i, *last, s.Result)
	}
}

func (r *coreReplay) same(i int, e layer.Envelope, want vectors.Value) {
	r.t.Helper()
	if diff := cmp.Diff(want.Value, any(vectorMessage(r.t, e)), cmpopts.EquateNaNs()); diff != "" {
		r.t.Errorf("step %d (-want +got):\n%s", i, diff)
	}
}

func vectorMessage(t *testing.T, e layer.Envelope) map[string]any {
	t.Helper()
	m, err := e.Message()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// compare compares what Redis holds.
func (r *coreReplay) compare(c *coreVector) {
	type place struct {
		Shard int
		Key   string
	}
	want, got := make(map[place]coreSet), make(map[place]coreSet)
	for _, a := range c.After {
		set := coreSet{TTL: a.TTL}
		for _, z := range a.Zset {
			set.Members = append(set.Members, r.member(a.Key, vectorBytes(r.t, z[0]), z[1].(float64)))
		}
		want[place{a.Shard, a.Key}] = set
	}
	for shard := range r.clients {
		reply := r.do(shard, "KEYS", "*")
		keys, err := reply.AsStrSlice()
		if err != nil {
			r.t.Fatal(err)
		}
		for _, key := range keys {
			if strings.Contains(key, ":go:") {
				continue
			}
			ttl := r.do(shard, "TTL", key)
			n, _ := ttl.AsInt64()
			set := coreSet{TTL: int(n)}
			z := r.do(shard, "ZRANGE", key, "0", "-1", "WITHSCORES")
			pairs, err := z.AsZScores()
			if err != nil {
				r.t.Fatal(err)
			}
			for _, p := range pairs {
				set.Members = append(set.Members, r.member(key, p.Member, p.Score))
			}
			got[place{shard, key}] = set
		}
	}
	near := cmp.Comparer(func(a, b int) bool { return a-b <= 2 && b-a <= 2 })
	byText := cmpopts.SortSlices(func(a, b coreMember) bool {
		return a.Score < b.Score || a.Score == b.Score && fmt.Sprint(a) < fmt.Sprint(b)
	})
	if diff := cmp.Diff(want, got, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".TTL" }, near), byText, cmpopts.EquateNaNs()); diff != "" {
		r.t.Errorf("what Redis holds (-want +got):\n%s", diff)
	}
}

func (r *coreReplay) member(key, text string, at float64) coreMember {
	if strings.Contains(key, ":group:") {
		return coreMember{Text: text, Score: at}
	}
	// The token was made at Python's time, or at ours.
	e, channels, err := r.layer.codec.Decode([]byte(text), time.UnixMicro(int64(at*1e6)))
	if err != nil {
		e, channels, err = r.layer.codec.Decode([]byte(text), time.Now())
	}
	if err != nil {
		r.t.Fatalf("a member of %s: %v", key, err)
	}
	return coreMember{Message: vectorMessage(r.t, e), Channels: channels, Score: at}
}

func vectorTexts(t *testing.T, all []any) []string {
	t.Helper()
	texts := make([]string, len(all))
	for i, v := range all {
		texts[i] = vectorBytes(t, v)
	}
	return texts
}
