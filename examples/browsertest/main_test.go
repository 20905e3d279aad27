package browsertest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binaries are the programs under test by their folders, built once for all tests.
var binaries = map[string]string{"chat": "", "taxi": ""}

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
	for name := range binaries {
		binaries[name] = filepath.Join(dir, name)
		build := exec.Command("go", "build", "-race", "-o", binaries[name], ".")
		build.Dir = filepath.Join("..", name)
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building the %s: %v\n%s", name, err, out)
			return 1
		}
	}
	return m.Run()
}
