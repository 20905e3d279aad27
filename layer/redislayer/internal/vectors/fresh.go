package vectors

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Fresh has a script of interop/python make a folder of vectors that nobody has seen before, with random values and
// channels_redis itself, and then runs tests of this test binary with CHANNELS_VECTORS naming that folder. The script is
// given the word that it wants first, if any, a seed, the folder and the arguments.
func Fresh(t *testing.T, tests string, script []string, args ...string) {
	t.Helper()
	seed := strconv.Itoa(rand.IntN(1 << 30))
	dir := t.TempDir()
	interop := filepath.Join(module(), "interop")
	python := strings.TrimSpace(output(t, exec.CommandContext(t.Context(), filepath.Join(interop, "venv.sh"), "4.3.0")))
	script = append([]string{filepath.Join(interop, "python", script[0])}, script[1:]...)
	cmd := exec.CommandContext(t.Context(), python, append(append(script, seed, dir), args...)...)
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	output(t, cmd)

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	again := exec.CommandContext(ctx, os.Args[0], "-test.run="+tests)
	again.Env = append(os.Environ(), folder+"="+dir)
	out, err := again.CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("no tests to run")) {
		t.Errorf("with the seed %s: %v\n%.20000s", seed, err, out)
	}
}

func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var faults bytes.Buffer
	cmd.Stderr = &faults
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, faults.String())
	}
	return string(out)
}
