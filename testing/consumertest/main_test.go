package consumertest_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain fails when a test has left a goroutine behind.
func TestMain(m *testing.M) {
	code := m.Run()
	if left := leftovers(5 * time.Second); code == 0 && left != "" {
		fmt.Fprintf(os.Stderr, "goroutines left by the tests:\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

// leftovers returns the goroutines, but for its own, that don't end in time.
func leftovers(patience time.Duration) string {
	buf := make([]byte, 1<<20)
	for deadline := time.Now().Add(patience); ; runtime.Gosched() {
		_, others, _ := strings.Cut(string(buf[:runtime.Stack(buf, true)]), "\n\n")
		var left []string
		for stack := range strings.SplitSeq(others, "\n\n") {
			if strings.Contains(stack, "gochannels") || strings.Contains(stack, "net/http") {
				left = append(left, stack)
			}
		}
		if len(left) == 0 || time.Now().After(deadline) {
			return strings.Join(left, "\n\n")
		}
	}
}
