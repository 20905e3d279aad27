package redislayer_test

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"
)

// TestMain fails if goroutines are left when all tests have ended. Told so, this process is the second one of a test.
func TestMain(m *testing.M) {
	if os.Getenv(secondProcess) != "" {
		serveSecond(os.Stdin, os.Stdout)
		return
	}
	before := len(goroutines())
	code := m.Run()
	if code == 0 && leaked(before) {
		code = 1
	}
	os.Exit(code)
}

func leaked(before int) bool {
	tick := time.NewTicker(10 * time.Millisecond)
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

// goroutines returns the stacks of all but the one that the fuzzer leaves, for signals.
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
