package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const module = "github.com/gochannels/channels/bench"

func flags(s string) []string { return strings.Fields(s) }

func without(names []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(s string) bool { return s == name })
}

// moduleDir returns the folder of this module.
func moduleDir(ctx context.Context) (string, error) {
	out, err := output(exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", module))
	if err != nil {
		return "", fmt.Errorf("run it in a clone: %w", err)
	}
	return out, nil
}

// runner builds and runs.
type runner struct {
	dir    string // of this module
	bin    string
	python string // empty: there is none
	out    io.Writer
	extra  func(scenario) []string // more flags of the load
	lines  []line
}

// newRunner compiles everything, and looks for what Django needs.
func newRunner(ctx context.Context, dir string) (*runner, error) {
	bin, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	r := &runner{dir: dir, bin: bin, out: io.Discard, extra: func(scenario) []string { return nil }}
	if err := r.build(ctx, "./load", "./servers/..."); err != nil {
		r.close()
		return nil, err
	}
	if err := r.findDjango(ctx); err != nil {
		log.Print("without Django Channels: ", err)
	}
	if _, err := exec.LookPath("redis-server"); err != nil {
		log.Print("without layers over Redis: ", err)
	}
	return r, nil
}

func (r *runner) build(ctx context.Context, packages ...string) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{"build", "-buildvcs=false", "-o", r.bin + "/"}, packages...)...)
	cmd.Dir = r.dir
	_, err := output(cmd)
	return err
}

func (r *runner) close() {
	_ = os.RemoveAll(r.bin)
}

// scenario runs its servers in turn, reps times, each time beginning with another one: what
// runs after a server that kept the machine busy for long is slower than it should be.
// A server that fails is left out.
func (r *runner) scenario(ctx context.Context, s scenario, only *regexp.Regexp, reps int) error {
	n := len(s.servers)
	for rep := range reps {
		for i := range n {
			name := s.servers[(i+rep*n/reps)%n]
			if !only.MatchString(name) {
				continue
			}
			l, err := r.run(ctx, s, name)
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case errors.Is(err, errMissing):
				continue
			case err != nil:
				log.Printf("%s: %s: %v", s.name, name, err)
				continue
			}
			log.Printf("%s: %s: %s", s.name, name, l.brief())
			r.lines = append(r.lines, l)
			if err := json.NewEncoder(r.out).Encode(l); err != nil {
				return err
			}
		}
	}
	return nil
}

// run runs the scenario once against one server.
func (r *runner) run(ctx context.Context, s scenario, name string) (line, error) {
	url := ""
	if s.layer != "" {
		own, err := startRedis(ctx)
		if err != nil {
			return nil, err
		}
		defer own.stop()
		url = own.url
	}
	command, proto, err := r.command(s, name, url)
	if err != nil {
		return nil, err
	}
	args := slices.Concat([]string{"-name", name, "-proto", proto}, s.load)
	if slices.Contains(django, name) {
		args = append(args, s.django...)
	}
	args = slices.Concat(args, r.extra(s), command)
	out, err := output(exec.CommandContext(ctx, filepath.Join(r.bin, "load"), args...))
	if err != nil {
		return nil, err
	}
	l := line{}
	if err := json.Unmarshal([]byte(out), &l); err != nil {
		return nil, err
	}
	l["scenario"], l["server"] = s.name, name
	l.derive()
	return l, nil
}

// output runs a command; what it says on its standard error is part of the error.
func output(cmd *exec.Cmd) (string, error) {
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		const most = 2000
		said := stderr.String()
		return "", fmt.Errorf("%s: %w\n%s", filepath.Base(cmd.Path), err, said[max(len(said)-most, 0):])
	}
	return strings.TrimSpace(stdout.String()), nil
}
