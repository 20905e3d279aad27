package redislayer_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
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
		if _, ok := box.TakeGap(); ok {
			fmt.Println("gap")
		}
		for e, ok := box.TryReceive(); ok; e, ok = box.TryReceive() {
			m, _ := e.Message()
			fmt.Println("got", m["n"])
		}
	}
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
	want := func(line string) {
		t.Helper()
		limit := time.NewTimer(soon)
		defer limit.Stop()
		select {
		case got := <-lines:
			if got != line {
				t.Fatalf("the process says %q, want %q", got, line)
			}
		case <-limit.C:
			t.Fatalf("the process does not say %q", line)
		}
	}
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
	want("gap")
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
