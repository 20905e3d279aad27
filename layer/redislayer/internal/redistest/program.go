package redistest

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
)

// StartProgram is [Start] of another program than the machine's redis-server.
func StartProgram(t testing.TB, program string, args ...string) *Server {
	t.Helper()
	return start(t, program, quiet(t, args))
}

func quiet(t testing.TB, args []string) []string {
	t.Helper()
	return append([]string{"--bind", "127.0.0.1", "--dir", t.TempDir(), "--save", "", "--appendonly", "no", "--loglevel", "warning"}, args...)
}

// Program returns what the script at that path, interop/servers.sh, has under a name, "redis-5" say. It may take a minute
// the first time on a machine.
func Program(t testing.TB, script, name string) string {
	t.Helper()
	var log bytes.Buffer
	cmd := exec.Command(script, name)
	cmd.Stderr = &log
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("redistest: %s %s: %v\n%s", script, name, err, log.String())
	}
	return strings.TrimSpace(string(out))
}
