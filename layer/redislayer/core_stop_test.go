package redislayer_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gochannels/channels/layer/redislayer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

// stopped, in the environment, makes the test binary a process with a Core that tells what it gets: its options, as JSON.
const stopped = "REDISLAYER_CORE_STOPPED"

func init() { redistest.Serve(stopped, serveStopped) }

func serveStopped(o redislayer.Options) {
	o.Logger = slog.New(slog.DiscardHandler)
	l, err := redislayer.NewCore(&o)
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	box, err := l.NewChannel(ctx)
	if err != nil {
		panic(err)
	}
	wake := make(chan struct{}, 1)
	wake <- struct{}{}
	box.OnReady(func() {
		select {
		case wake <- struct{}{}:
		default:
		}
	})
	if err := l.GroupAdd(ctx, "g", box.Channel()); err != nil {
		panic(err)
	}
	go func() {
		redistest.UntilLeft()
		os.Exit(0)
	}()
	for fmt.Println("in"); ; <-wake {
		if gap, ok := box.TakeGap(); ok {
			fmt.Println("gap", gap.Since.UnixMilli())
		}
		for e, ok := box.TryReceive(); ok; e, ok = box.TryReceive() {
			m, _ := e.Message()
			fmt.Println("got", m["n"])
		}
	}
}

// says waits for the process' next line, and returns what comes behind its beginning.
func says(t *testing.T, lines <-chan string, begins string) string {
	t.Helper()
	limit := time.NewTimer(soon)
	defer limit.Stop()
	select {
	case got := <-lines:
		rest, ok := strings.CutPrefix(got, begins)
		if !ok {
			t.Fatalf("the process says %q, want %q", got, begins)
		}
		return rest
	case <-limit.C:
		t.Fatalf("the process does not say %q", begins)
	}
	return ""
}

// A process that was stopped for so long that others have taken it for dead is in its groups again when it goes on, and
// says that it has missed something.
func TestCoreGoesOnAfterAStop(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	o := reapOptions(s)
	l := coreReady(t, o)
	newChannel(t, l, "elsewhere")
	pythonAdds(s, o, "g", pythonMember)
	o.Logger = nil
	process, lines := redistest.Again(t, stopped, *o)
	want := func(line string) { t.Helper(); says(t, lines, line) }
	want("in")
	groupSend(t, l, "g", 1)
	want("got 1")
	if err := process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	until(t, reapLimit, "it is taken for dead", func() bool { return slices.Equal(groupMembers(s, o, "g"), []string{pythonMember}) })
	groupSend(t, l, "g", 2)
	if err := process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	says(t, lines, "gap ")
	until(t, soon, "it is in the group again", func() bool { return len(groupMembers(s, o, "g")) == 2 })
	groupSend(t, l, "g", 3)
	want("got 3")
	begun := time.Now()
	until(t, soon, "it has stayed", func() bool {
		if n := len(groupMembers(s, o, "g")); n != 2 {
			t.Fatalf("%d members after %v", n, time.Since(begun))
		}
		return time.Since(begun) > reapExpiry/3
	})
}

// One that meanwhile has lost its connection as well says of the gap that it began before what was missed.
func TestCoreKnowsSinceWhenItWasStopped(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	p := redistest.NewProxy(t, s.Addr())
	o := reapOptions(s)
	l := coreReady(t, o)
	newChannel(t, l, "elsewhere")
	there := *o
	there.Hosts, there.Logger = []any{p.URL()}, nil
	process, lines := redistest.Again(t, stopped, there)
	says(t, lines, "in")
	groupSend(t, l, "g", 1)
	says(t, lines, "got 1")
	if err := process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	until(t, reapLimit, "it is taken for dead", func() bool { return len(groupMembers(s, o, "g")) == 0 })
	missed := time.Now()
	groupSend(t, l, "g", 2)
	// Its takes go on, as it has asked for many: the last is answered after what was missed.
	until(t, soon, "takes have been answered", func() bool { return time.Since(missed) > 4*time.Second })
	p.Cut()
	if err := process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	since, err := strconv.ParseInt(says(t, lines, "gap "), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if at := time.UnixMilli(since); at.After(missed) {
		t.Errorf("the gap is since %v after what was missed", at.Sub(missed))
	}
}
