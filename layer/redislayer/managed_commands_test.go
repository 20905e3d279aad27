package redislayer_test

import (
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

// TestManagedCommands lets both layers do all they can, many times over, and be cut off amid it, and looks at each command
// that goes to the server, and at each that a script makes of it.
func TestManagedCommands(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	proxy, monitor := redistest.NewProxy(t, s.Addr()), redistest.NewMonitor(t, s.Addr())
	recorder := redistest.NewRecorder(t, proxy.Addr())
	o := redislayer.Options{Prefix: "asgi", Hosts: []any{recorder.URL()}, CallTimeout: soon, Logger: slog.New(slog.DiscardHandler), ProbeInterval: time.Second}
	t.Run("work", func(t *testing.T) {
		t.Run("PubSub", func(t *testing.T) { // one after the other, as either cuts all off
			l := ready(t, pubSub(t, o))
			work(t, l, l.Ready, proxy)
		})
		t.Run("Core", func(t *testing.T) {
			crowd(t, s)
			l := coreReady(t, &o)
			work(t, l, l.Ready, proxy)
			if err := l.Send(t.Context(), "jobs", message(1)); err != nil {
				t.Fatal(err)
			}
			if _, err := l.Receive(t.Context(), "jobs"); err != nil {
				t.Fatal(err)
			}
			sendToAll(t, l)
		})
	})

	sent := make(map[string]int)
	longest := 0
	for _, c := range recorder.Take() {
		sent[strings.ToUpper(c[0])]++
		longest = max(longest, len(c))
		checkCommand(t, c)
	}
	t.Logf("sent: %v; the longest has %d words", sent, longest)
	for _, needed := range []string{"SUBSCRIBE", "UNSUBSCRIBE", "PUBLISH", "EVALSHA", "BZPOPMIN"} {
		if sent[needed] == 0 {
			t.Errorf("there was no %s: the test does not see what it should", needed)
		}
	}
	if longest < 900 || longest > 1000 {
		t.Errorf("the longest command has %d words, want nearly 1,000 and not more", longest)
	}

	declared := make(map[string]bool)
	inScripts := make(map[string]int)
	for _, m := range monitor.Take() {
		name := strings.ToUpper(m.Command[0])
		switch {
		case m.Lua:
			inScripts[name]++
			for _, key := range keysOf(t, m.Command) {
				if !declared[key] {
					t.Errorf("a script touches %q, which is none of its KEYS: %.200q", key, m.Command)
				}
			}
		case name == "EVAL" || name == "EVALSHA":
			clear(declared)
			for _, key := range keysOf(t, m.Command) {
				declared[key] = true
			}
		}
	}
	t.Logf("in scripts: %v", inScripts)
	if inScripts["ZADD"] == 0 {
		t.Error("there was no ZADD in a script: the test does not see what it should")
	}
}

// crowd puts many Python processes into a group, so that a message goes to many keys.
func crowd(t *testing.T, s *redistest.Server) {
	t.Helper()
	for n := range 25 {
		command := []string{"ZADD", "asgi:group:crowd"}
		for i := range 100 {
			command = append(command, fmt.Sprint(time.Now().Unix()), fmt.Sprintf("specific.%032x!%032x", n*100+i, 1))
		}
		s.CLI(command...)
	}
}

func sendToAll(t *testing.T, l *redislayer.Core) {
	t.Helper()
	if err := l.GroupSend(t.Context(), "crowd", message(1)); err != nil {
		t.Errorf("GroupSend to 2,500 processes: %v", err)
	}
}

// work joins many groups with several channels, sends to them, loses the connection, and leaves them.
func work(t *testing.T, l layer.ChannelLayer, up func() bool, proxy *redistest.Proxy) {
	t.Helper()
	const groups = 1500
	all := parallel(t, groups, func(i int) *layer.Mailbox { return newChannel(t, l, fmt.Sprintf("group%d", i), "all") })
	groupSend(t, l, "all", 1)
	for i, box := range all[:100] {
		groupSend(t, l, fmt.Sprintf("group%d", i), 2)
		if err := l.Send(t.Context(), box.Channel(), message(3)); err != nil {
			t.Fatal(err)
		}
		expect(t, box, 1, 2, 3)
	}
	proxy.Cut()
	until(t, soon, "the loss is known", func() bool { _, lost := all[0].TakeGap(); return lost })
	until(t, soon, "all is as it was", up)
	groupSend(t, l, "group7", 4)
	expect(t, all[7], 4)
	parallel(t, groups, func(i int) struct{} {
		if i%2 == 0 {
			all[i].Close()
		} else if err := l.GroupDiscard(t.Context(), fmt.Sprintf("group%d", i), all[i].Channel()); err != nil {
			t.Error(err)
		}
		return struct{}{}
	})
}

// parallel calls f for each of 0 to n-1, many at a time.
func parallel[T any](t *testing.T, n int, f func(int) T) []T {
	t.Helper()
	const workers = 100
	all := make([]T, n)
	var work sync.WaitGroup
	for w := range workers {
		work.Go(func() {
			for i := w; i < n; i += workers {
				all[i] = f(i)
			}
		})
	}
	work.Wait()
	if t.Failed() {
		t.FailNow() // some of all are missing
	}
	return all
}

// Names that Python has too, and one of ours that is a list of processes; all others of ours are to say whose they are.
var (
	shared  = regexp.MustCompile(`^asgi(:group:.+|__group__.+|jobs|:go:processes)$`)
	hasName = regexp.MustCompile(`^asgi.*([0-9a-f]{32}|[.:]go[A-Za-z0-9_-]{12}([!:]|$))`)
)

// checkCommand checks one that was sent.
func checkCommand(t *testing.T, c []string) {
	t.Helper()
	if len(c) > 1000 {
		t.Errorf("%d words: %.200q", len(c), c)
	}
	switch name := strings.ToUpper(c[0]); name {
	case "CONFIG", "KEYS", "CLIENT", "SCAN", "CLUSTER", "COMMAND", "MONITOR", "DEBUG", "FLUSHALL", "FLUSHDB", "SHUTDOWN",
		"PSUBSCRIBE", "SSUBSCRIBE", "SPUBLISH", "SELECT", "MULTI", "WATCH", "WAIT":
		t.Errorf("a command that may not be there: %.200q", c)
	}
	for _, key := range keysOf(t, c) {
		if !shared.MatchString(key) && !hasName.MatchString(key) {
			t.Errorf("%q does not begin with the prefix, or does not hold the process' id: %.200q", key, c)
		}
	}
}

// keysOf returns the keys and channels of a command, and fails for one that this test does not know.
func keysOf(t *testing.T, c []string) []string {
	t.Helper()
	switch strings.ToUpper(c[0]) {
	case "HELLO", "AUTH", "PING", "TIME", "INFO", "SCRIPT", "CLIENT", "MONITOR":
		return nil
	case "SUBSCRIBE", "UNSUBSCRIBE", "DEL":
		return c[1:]
	case "BZPOPMIN":
		return c[1 : len(c)-1]
	case "PUBLISH", "SET", "INCR", "EXPIRE", "ZADD", "ZREM", "ZCARD", "ZCOUNT", "ZRANGE", "ZSCORE", "ZRANGEBYSCORE", "ZREMRANGEBYSCORE", "ZPOPMIN",
		"SADD", "SREM", "SCARD", "SRANDMEMBER":
		return c[1:2]
	case "EVAL", "EVALSHA":
		var n int
		if _, err := fmt.Sscan(c[2], &n); err != nil {
			t.Fatal(err)
		}
		return c[3 : 3+n]
	}
	t.Errorf("%q is not known here", c[0])
	return nil
}

// TestManagedRoundTrips counts the commands of a GroupSend, each of which waits for the one before at most: one on PubSub,
// two on Core.
func TestManagedRoundTrips(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	o := redislayer.Options{Prefix: "asgi", Hosts: []any{s.URL()}, CallTimeout: soon, ProbeInterval: time.Hour, Logger: slog.New(slog.DiscardHandler)}
	recorded := func() (redislayer.Options, *redistest.Recorder) {
		r := redistest.NewRecorder(t, s.Addr())
		with := o
		with.Hosts = []any{r.URL()}
		return with, r
	}
	t.Run("PubSub", func(t *testing.T) {
		with, recorder := recorded()
		checkCommands(t, ready(t, pubSub(t, o)), ready(t, pubSub(t, with)), recorder, 1)
	})
	t.Run("Core", func(t *testing.T) {
		with, recorder := recorded()
		checkCommands(t, coreReady(t, &o), coreReady(t, &with), recorder, 2)
	})
}

// checkCommands checks how many commands a GroupSend takes, whose sender is in the group too.
func checkCommands(t *testing.T, receiver, sender layer.ChannelLayer, recorder *redistest.Recorder, most int) {
	t.Helper()
	const sends = 20
	boxes := []*layer.Mailbox{newChannel(t, receiver, "g"), newChannel(t, receiver, "g"), newChannel(t, sender, "g")}
	recorder.Take()
	for n := range sends {
		groupSend(t, sender, "g", n)
	}
	for _, box := range boxes {
		for n := range sends {
			expect(t, box, n)
		}
	}
	total := 0
	for _, command := range recorder.Take() {
		// What its reader does to take what came, and its heart to stay in the group, is none of the sender's waits.
		text := strings.Join(command, " ")
		if strings.Contains(text, "asgi:go:processes") {
			continue
		}
		if command[0] == "PUBLISH" || command[0] == "EVALSHA" && (strings.Contains(text, "asgi:group:g") || strings.Contains(text, "test.message")) {
			total++
		}
	}
	if total < sends || total > sends*most {
		t.Errorf("%d commands for %d messages, want at most %d each", total, sends, most)
	}
}
