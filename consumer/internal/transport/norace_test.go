//go:build !race

package transport_test

import "testing"

// The race detector makes pools forget, so this can't hold there.
func TestAnAnswerDoesNotAllocate(t *testing.T) {
	send := answer(t)
	if n := testing.AllocsPerRun(1000, send); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
