package browsertest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// chatBinary is the chat, built once for all tests.
var chatBinary string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "browsertest")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	chatBinary = filepath.Join(dir, "chat")
	build := exec.Command("go", "build", "-race", "-o", chatBinary, ".")
	build.Dir = filepath.Join("..", "chat")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the chat: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}
