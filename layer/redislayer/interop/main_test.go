package interop_test

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"
)

// TestMain ends the Python processes that all tests share, and fails if goroutines are left.
func TestMain(m *testing.M) {
	before := len(goroutines())
	code := m.Run()
	stopShared()
	if code == 0 && leaked(before) {
		code = 1
	}
	os.Exit(code)
}

func leaked(before int) bool {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(5 * time.Second); ; <-tick.C {
		left := goroutines()
		if len(left) <= before {
			return false
		}
		if time.Now().After(deadline) {
			fmt.Fprintf(os.Stderr, "%d goroutines before the tests, %d after:\n%s\n", before, len(left), bytes.Join(left, []byte("\n\n")))
			return true
		}
	}
}

// goroutines returns the stacks of all but the one that signals leave.
func goroutines() [][]byte {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	var all [][]byte
	for stack := range bytes.SplitSeq(stacks, []byte("\n\n")) {
		if !bytes.Contains(stack, []byte("os/signal.")) {
			all = append(all, stack)
		}
	}
	return all
}
