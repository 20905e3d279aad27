package layertest

import (
	"io"
	"testing"
)

// TwoCase is a case about two processes, run in one.
type TwoCase struct{ Case }

func TwoCases() (all []TwoCase) {
	for _, c := range twoCases() {
		all = append(all, TwoCase{c})
	}
	return all
}

// RunPiped runs the case with second processes that are goroutines of this one, behind pipes. Their layers are closed
// when the test ends.
func (c TwoCase) RunPiped(tb testing.TB, two Two) {
	tb.Helper()
	start := func(t testing.TB) *Process { return startPiped(t, two) }
	c.runTwo(tb, &twoRun{Two: two, there: start(tb), start: start})
}

func startPiped(t testing.TB, two Two) *Process {
	t.Helper()
	in, orders := io.Pipe()
	answers, out := io.Pipe()
	s := newServer(out, two.Open)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.serve(in)
		_ = out.Close()
	}()
	t.Cleanup(func() { _ = s.close() })
	return newProcess(t, link{
		in: orders, out: answers,
		kill: func() {
			for _, l := range s.layers {
				l.(interface{ Die() }).Die()
			}
			_ = in.Close()
			_ = out.Close()
		},
		wait: func() error {
			<-done
			return nil
		},
	})
}

// Connect takes out for what a second process says.
func Connect(t testing.TB, out io.Reader) {
	t.Helper()
	_, in := io.Pipe()
	newProcess(t, link{in: in, out: out, kill: func() {}, wait: func() error { return nil }})
}
