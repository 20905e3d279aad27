package redislayer_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

// coreProcess, in the environment, makes the test binary a process with a Core: its options and what it is to do, as JSON.
const coreProcess = "REDISLAYER_CORE_PROCESS"

type coreTask struct {
	Hosts   []any
	Prefix  string
	Group   string
	Members int
}

func init() {
	if text := os.Getenv(coreProcess); text != "" {
		serveCore(text)
		os.Exit(0)
	}
}

// serveCore has members in a group until its input ends. It prints its name in the group's members' channels when it is
// ready, and then the number of each message that all of them have received. A line of input is a number to send.
func serveCore(text string) {
	var task coreTask
	if err := json.Unmarshal([]byte(text), &task); err != nil {
		panic(err)
	}
	l, err := redislayer.NewCore(&redislayer.Options{Hosts: task.Hosts, Prefix: task.Prefix, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	boxes := make([]*layer.Mailbox, task.Members)
	for i := range boxes {
		if boxes[i], err = l.NewChannel(ctx); err != nil {
			panic(err)
		}
		if err := l.GroupAdd(ctx, task.Group, boxes[i].Channel()); err != nil {
			panic(err)
		}
	}
	fmt.Println("ready", boxes[0].Channel())
	go func() {
		for {
			var n any
			for _, box := range boxes {
				e, err := box.Receive(ctx)
				if err != nil {
					return
				}
				m, _ := e.Message()
				if n == nil {
					n = m["n"]
				} else if n != m["n"] {
					panic("the members differ")
				}
			}
			fmt.Println("got", n)
		}
	}()
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var n int
		_, _ = fmt.Sscan(in.Text(), &n)
		if err := l.GroupSend(ctx, task.Group, message(n)); err != nil {
			fmt.Println("error", err)
		}
	}
	_ = l.Close()
}

// coreChild is such a process.
type coreChild struct {
	cmd   *exec.Cmd
	lines chan string
	send  func(n int)
	end   func()
}

func startCore(t *testing.T, task coreTask) *coreChild {
	t.Helper()
	j, err := json.Marshal(task)
	if err != nil {
		t.Fatal(err)
	}
	c := &coreChild{cmd: exec.Command(os.Args[0]), lines: make(chan string, 1000)}
	c.cmd.Env = append(os.Environ(), coreProcess+"="+string(j))
	c.cmd.Stderr = os.Stderr
	in, err := c.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c.send = func(n int) { _, _ = fmt.Fprintln(in, n) }
	c.end = func() { _ = in.Close() }
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(c.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			c.lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		c.end()
		<-done
		_ = c.cmd.Wait()
	})
	if line := c.line(t); !strings.HasPrefix(line, "ready ") {
		t.Fatalf("the process says %q", line)
	}
	return c
}

func (c *coreChild) line(t *testing.T) string {
	t.Helper()
	limit := time.NewTimer(soon)
	defer limit.Stop()
	select {
	case line := <-c.lines:
		return line
	case <-limit.C:
		t.Fatal("the process says nothing")
		return ""
	}
}

func TestCoreInTwoProcesses(t *testing.T) {
	t.Parallel()
	const n, members = 200, 5
	s := redistest.Start(t)
	o := coreOptions(s)
	l := coreReady(t, o)
	box := newChannel(t, l, "g")
	child := startCore(t, coreTask{Hosts: o.Hosts, Prefix: o.Prefix, Group: "g", Members: members})
	if got := groupMembers(s, o, "g"); len(got) != 2 {
		t.Errorf("two processes are in the group by %q", got)
	}
	for i := range n {
		groupSend(t, l, "g", i)
		expect(t, box, i)
		if line := child.line(t); line != fmt.Sprint("got ", i) {
			t.Fatalf("the other process says %q, want message %d", line, i)
		}
	}
	for i := range n {
		child.send(i)
	}
	for i := range n {
		expect(t, box, i)
		if line := child.line(t); line != fmt.Sprint("got ", i) {
			t.Fatalf("the other process says %q, want its own message %d", line, i)
		}
	}
	child.end()
	until(t, soon, "the other process has left", func() bool { return len(groupMembers(s, o, "g")) == 1 })
}

// After kill -9, nothing is written for a process within 30 s: the group is gone if it was alone, another Go process takes
// it out, and beside Python members alone Python does, later, by the score.
func TestCoreEndsWithItsProcess(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	alone, shared, mixed := coreOptions(s), coreOptions(s), coreOptions(s)
	l := coreReady(t, shared)
	newChannel(t, l, "g")
	pythonAdds(s, mixed, "g", pythonMember)
	var children []*coreChild
	for _, o := range []*redislayer.Options{alone, shared, mixed} {
		children = append(children, startCore(t, coreTask{Hosts: o.Hosts, Prefix: o.Prefix, Group: "g", Members: 1}))
	}
	killed := time.Now()
	for _, c := range children {
		_ = c.cmd.Process.Kill()
	}
	for _, m := range groupMembers(s, mixed, "g") {
		if m == pythonMember {
			continue
		}
		var at float64
		_, _ = fmt.Sscan(s.CLI("ZSCORE", mixed.Prefix+":group:g", m), &at)
		if left := at - (float64(time.Now().Unix()) - 86400); left < 90 || left > 101 {
			t.Errorf("Python removes the member in %.1f s by its own clock, want 90 to 100: its clock may be wrong by 90", left)
		}
	}
	until(t, 30*time.Second-time.Since(killed), "the dead are out of their groups", func() bool {
		return len(groupMembers(s, alone, "g")) == 0 && len(groupMembers(s, shared, "g")) == 1
	})
	t.Logf("%.1f s after the kill", time.Since(killed).Seconds())
	sender := coreReady(t, mixed)
	groupSend(t, sender, "g", 1)
	if got := groupMembers(s, mixed, "g"); len(got) != 1 || got[0] != pythonMember {
		t.Errorf("after a GroupSend from Go the members are %q, want Python's alone", got)
	}
}
