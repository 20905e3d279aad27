package redistest

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// Serve is for an init function of a test binary: in one that [Again] has started under that name it calls serve with what
// Again was given, and ends the process when that returns.
func Serve[T any](name string, serve func(T)) {
	text, ok := os.LookupEnv(name)
	if !ok {
		return
	}
	var given T
	if err := json.Unmarshal([]byte(text), &given); err != nil {
		panic(err)
	}
	serve(given)
	os.Exit(0)
}

// UntilLeft returns when whoever started this process by [Again] has ended, or its test has.
func UntilLeft() { _, _ = io.Copy(io.Discard, os.Stdin) }

// Again starts the test binary as another process, which [Serve] makes something else of. given, as JSON, is what that gets,
// and lines what the process says. It is killed with the test, if it has not ended.
func Again[T any](t testing.TB, name string, given T) (process *os.Process, lines <-chan string) {
	t.Helper()
	text, err := json.Marshal(given)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), name+"="+string(text))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said, over := make(chan string, 100), make(chan struct{})
	go func() {
		defer close(said)
		for s := bufio.NewScanner(out); s.Scan(); {
			select {
			case said <- s.Text():
			case <-over:
				return
			}
		}
	}()
	t.Cleanup(func() {
		close(over)
		_ = in.Close()
		_ = cmd.Process.Signal(syscall.SIGKILL)
		_ = cmd.Wait()
	})
	return cmd.Process, said
}
