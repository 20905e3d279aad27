package interop_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

// goMember, in the environment, makes the test binary a Go process that is in the group "room" until its input ends. It is
// the layer's options, as JSON.
const goMember = "INTEROP_GO_MEMBER"

func init() { redistest.Serve(goMember, serveGoMember) }

func serveGoMember(o redislayer.Options) {
	o.Logger = slog.New(slog.DiscardHandler)
	l, err := redislayer.NewCore(&o)
	if err != nil {
		panic(err)
	}
	box, err := l.NewChannel(context.Background())
	if err != nil {
		panic(err)
	}
	if err := l.GroupAdd(context.Background(), "room", box.Channel()); err != nil {
		panic(err)
	}
	fmt.Println("in")
	redistest.UntilLeft()
}

// startGoMember returns how to kill it, as kill -9 does.
func startGoMember(t *testing.T, o redislayer.Options) (kill func()) {
	t.Helper()
	process, lines := redistest.Again(t, goMember, o)
	if line := <-lines; line != "in" {
		t.Fatalf("the Go process says %q", line)
	}
	return func() { _ = process.Kill() }
}

// TestGoKilled is fault F11: kill -9 of the only Go process of a group that has Python members, while another lives that is
// in other groups only. Within 30 s Python's group_send writes no more for it, and Python's members lose nothing.
func TestGoKilled(t *testing.T) {
	t.Parallel()
	e := newSite(t, core, usual)
	l := e.layer(t)
	elsewhere := joinGo(t, l, "elsewhere")
	killGoMember(t, e, redislayer.Options{})
	if err := burst(t.Context(), l, "elsewhere", "go", 3); err != nil {
		t.Fatal(err)
	}
	eachOnce(t, elsewhere, map[string]int{"go": 3})
	settle(t, elsewhere)
}

// TestLastGoKilled is the same where no Go process is left, with clocks that are said to be less than 15 s off.
func TestLastGoKilled(t *testing.T) {
	t.Parallel()
	killGoMember(t, newSite(t, core, usual), redislayer.Options{ClockSkew: 15 * time.Second})
}

func killGoMember(t *testing.T, e *site, o redislayer.Options) {
	t.Helper()
	const bound = 30 * time.Second
	s := e.servers[0]
	py := e.python(t, sharedPeer(t, latest))
	members := []*member{py.join(t, "room"), py.join(t, "room")}
	o.Hosts = []any{s.URL()}
	kill := startGoMember(t, o)

	inRoom := func() []string { return strings.Fields(s.CLI("ZRANGE", "asgi:group:room", "0", "-1")) }
	names := inRoom()
	i := slices.IndexFunc(names, func(name string) bool { return name != members[0].channel && name != members[1].channel })
	if len(names) != 3 || i < 0 {
		t.Fatalf("the group has %q", names)
	}
	process, _, _ := strings.Cut(names[i], "!")
	written := func() string { return s.CLI("ZCARD", "asgi"+process+"!") } // that it has not read

	sent, before := 0, "0"
	send := func() {
		py.ask(t, "burst", args{"group": "room", "sender": "python", "first": sent, "count": 1})
		sent++
	}
	send()
	kill()
	killed := time.Now()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for len(inRoom()) != 2 {
		if time.Since(killed) > bound {
			t.Fatalf("%.0f s after the kill, %s messages wait for a process that is dead", time.Since(killed).Seconds(), written())
		}
		send()
		<-tick.C
	}
	t.Logf("it is out of the group %.1f s after the kill; %s messages wait for it", time.Since(killed).Seconds(), written())
	if before = written(); before == "0" {
		t.Error("Python has written nothing for the dead process before: this looks at the wrong key")
	}
	for range 10 {
		send()
	}
	if after := written(); after != before {
		t.Errorf("Python writes for the dead process still: %s messages, then %s", before, after)
	}
	for _, m := range members {
		eachOnce(t, m, map[string]int{"python": sent})
	}
	settle(t, members...)
}

// TestClockOffEncrypted has an encrypted layer and a Python host whose clock is off. What a token's age says is the same in
// Go as in Python: 90 s are too many, either way, and 50 s are not. What is refused harms nothing else.
func TestClockOffEncrypted(t *testing.T) {
	t.Parallel()
	for ahead, arrives := range map[string]bool{"90": false, "-90": false, "50": true, "-50": true} {
		t.Run(ahead, func(t *testing.T) {
			t.Parallel()
			const count = 5
			e := newSite(t, core, encrypted)
			off, right, l := e.python(t, newPeer(t, latest, "PEER_CLOCK="+ahead)), e.python(t, sharedPeer(t, latest)), e.layer(t)
			inGo, inPython := joinGo(t, l, "room"), right.join(t, "room")
			messages, faults := 0, 0
			collect := func(n int) {
				t.Helper()
				found := right.must(t, "collected", args{"name": inPython.name, "count": n, "timeout": 10}).(map[string]any)
				messages, faults = messages+len(found["messages"].([]any)), faults+len(found["errors"].([]any))
			}
			off.ask(t, "burst", args{"group": "room", "sender": "off", "count": count})
			collect(count) // before anybody else sends, who first removes what looks expired by its own clock
			right.ask(t, "burst", args{"group": "room", "sender": "right", "count": count})
			if err := burst(t.Context(), l, "room", "go", count); err != nil {
				t.Fatal(err)
			}
			collect(2 * count)
			senders, refused := map[string]int{"right": count, "go": count}, count
			if arrives {
				senders["off"], refused = count, 0
			}
			if messages != 3*count-refused || faults != refused {
				t.Errorf("Python takes %d and refuses %d, want %d and %d", messages, faults, 3*count-refused, refused)
			}
			eachOnce(t, inGo, senders)
			if n := metricOf(l, "channels_layer_redis_refused_total"); n != int64(refused) {
				t.Errorf("Go refuses %d, as many as Python: %d", n, refused)
			}
			settle(t, inGo)
		})
	}
}

func metricOf(l layer.ChannelLayer, name string) int64 {
	for _, m := range l.(layer.Measured).Metrics() {
		if m.Name == name {
			return m.Value
		}
	}
	return -1
}
