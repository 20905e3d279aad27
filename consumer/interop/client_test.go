package interop_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// client is a program that has conversations with a server.
type client struct {
	name    string
	command func(context.Context, *testing.T, ...string) *exec.Cmd
}

var clients = []client{
	{"ws", func(ctx context.Context, t *testing.T, args ...string) *exec.Cmd {
		modules := installed(t, "node")
		cmd := exec.CommandContext(ctx, "node", append([]string{"clients/client.cjs"}, args...)...)
		cmd.Env = append(os.Environ(), "NODE_PATH="+modules)
		return cmd
	}},
	{"websockets", func(ctx context.Context, t *testing.T, args ...string) *exec.Cmd {
		return exec.CommandContext(ctx, installed(t, "python"), append([]string{"clients/client.py"}, args...)...)
	}},
}

// installed returns where clients.sh has put a client.
func installed(t *testing.T, what string) string {
	t.Helper()
	var faults bytes.Buffer
	cmd := exec.Command("./clients.sh", what)
	cmd.Stderr = &faults
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("./clients.sh %s: %v\n%s", what, err, faults.String())
	}
	return strings.TrimSpace(string(out))
}

// conversation is what a client does and what it must see.
type conversation struct {
	Name       string `json:"-"`
	Path       string `json:"path"`
	Deflate    bool   `json:"deflate,omitempty"`
	ServerBits int    `json:"serverBits,omitempty"` // what the client offers
	ClientBits int    `json:"clientBits,omitempty"`
	NoTakeover bool   `json:"noTakeover,omitempty"`
	MaxSize    int    `json:"maxSize,omitempty"` // of a message the client takes
	Steps      []step `json:"steps"`

	answer string  // of the handshake: see offers
	want   []event // after "open"
	told   int     // Disconnect's code
}

// step is something a client does: one of its "do" is a function in each client.
type step struct {
	Do     string   `json:"do"`
	Data   *string  `json:"data,omitempty"`
	Hex    bool     `json:"hex,omitempty"`
	Size   int      `json:"size"`
	Parts  []string `json:"parts,omitempty"`
	Binary bool     `json:"binary,omitempty"`
	Code   int      `json:"code,omitempty"`
	Reason string   `json:"reason,omitempty"`
	MS     int      `json:"ms,omitempty"`
}

// event is what a client saw: its kind, and what goes with it.
type event []any

// run lets a client have all conversations at once, and returns what it saw in each.
func (c client) run(t *testing.T, url string, all []*conversation) [][]event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	asked, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	var faults bytes.Buffer
	cmd := c.command(ctx, t, strings.Replace(url, "http", "ws", 1))
	cmd.Stdin, cmd.Stderr, cmd.WaitDelay = bytes.NewReader(asked), &faults, time.Second
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, faults.String())
	}
	var seen [][]event
	if err := json.Unmarshal(out, &seen); err != nil || len(seen) != len(all) {
		t.Fatalf("%d of %d conversations: %v\n%.1000s", len(seen), len(all), err, out)
	}
	return seen
}
