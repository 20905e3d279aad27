package interop_test

import (
	"context"
	"testing"
)

// TestPythonKilled kills a Python process, which is in the group and sending, as kill -9 does. What it has sent arrives
// once and in order; the others lose nothing.
func TestPythonKilled(t *testing.T) {
	t.Parallel()
	for _, k := range kinds {
		for _, version := range []string{oldest, latest} {
			t.Run(k.name+"/"+version, func(t *testing.T) {
				t.Parallel()
				testPythonKilled(t, newSite(t, k, usual), version)
			})
		}
	}
}

func testPythonKilled(t *testing.T, e *site, version string) {
	l := e.layer(t)
	victim, survivor := e.python(t, newPeer(t, version)), e.python(t, sharedPeer(t, version))
	inGo, inVictim, inPython := joinGo(t, l, e.kind.group), victim.join(t, e.kind.group), survivor.join(t, e.kind.group)

	// The victim sends until it is killed.
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := victim.do(ctx, "burst", args{"layer": victim.name, "group": e.kind.group, "sender": "victim", "count": 1_000_000, "pause": 0.001})
		ended <- err
	}()
	seen := 0
	next := func() {
		env, err := inGo.mailbox.Receive(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if n := decode(t, env)["n"]; n != int64(seen) {
			t.Fatalf("message %v instead of %d", n, seen)
		}
		seen++
	}
	for range 50 {
		next()
	}
	victim.stop()
	if err := <-ended; err == nil {
		t.Fatal("the burst ended before the kill")
	}

	// From Go and from Python to those that are left. The first messages may still be the victim's.
	if err := burst(ctx, l, e.kind.group, "go", 20); err != nil {
		t.Fatal(err)
	}
	survivor.ask(t, "burst", args{"group": e.kind.group, "sender": "survivor", "count": 20})
	for _, m := range []*member{inGo, inPython} {
		atLeast := 40
		if m == inPython {
			atLeast += seen
		}
		got := m.take(t, atLeast)
		for len(got) > 0 && got[len(got)-1]["n"] != int64(19) { // of either burst
			got = append(got, m.take(t, 1)...)
		}
		rest, last := got[:0:0], int64(-1)
		for _, msg := range got {
			if msg["sender"] != "victim" {
				rest = append(rest, msg)
				continue
			}
			n := msg["n"].(int64)
			if last >= 0 && n != last+1 {
				t.Errorf("%s: of the victim came %d after %d", m.name, n, last)
			}
			last = n
		}
		checkOnce(t, m.name, rest, map[string]int{"go": 20, "survivor": 20})
	}

	// Another takes its place.
	fresh := e.python(t, newPeer(t, version))
	inFresh := fresh.join(t, e.kind.group)
	fresh.ask(t, "burst", args{"group": e.kind.group, "sender": "fresh", "count": 5})
	for _, m := range []*member{inGo, inPython, inFresh} {
		eachOnce(t, m, map[string]int{"fresh": 5})
	}
	settle(t, inGo, inPython, inFresh)
	_ = inVictim
}
