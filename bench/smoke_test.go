package main

import (
	"slices"
	"testing"
)

// smoke builds what a smoke test needs. Peers are compiled by go vet.
func smoke(t *testing.T, packages ...string) *runner {
	t.Helper()
	dir, err := moduleDir(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := &runner{dir: dir, bin: t.TempDir(), extra: func(s scenario) []string { return s.quick }}
	if err := r.build(t.Context(), append(packages, "./load")...); err != nil {
		t.Fatal(err)
	}
	return r
}

// try runs a scenario once and looks whether the server did its work.
func (r *runner) try(t *testing.T, s scenario, server string) line {
	t.Helper()
	l, err := r.run(t.Context(), s, server)
	if err != nil {
		t.Fatalf("%s: %s: %v", s.name, server, err)
	}
	if lost, wrong := l.number("lost"), l.number("wrong"); lost != 0 || wrong != 0 {
		t.Errorf("%s: %s: lost %v, wrong %v", s.name, server, lost, wrong)
	}
	return l
}

// TestScenarios runs all of them, tiny, with this library and the floor.
func TestScenarios(t *testing.T) {
	t.Parallel()
	r := smoke(t, "./servers/channels", "./servers/floor")
	var lines []line
	for _, s := range plan {
		for _, server := range slices.Concat(ours, handlers, floors) {
			if slices.Contains(s.servers, server) {
				lines = append(lines, r.try(t, s, server))
			}
		}
	}
	figures := summarise(lines)
	for _, table := range tables {
		for _, row := range table.rows {
			if _, ok := figures.stat(row.scenario, "channels", row.figure); !ok {
				t.Errorf("%q: the scenario %s has no figure %s", row.title, row.scenario, row.figure)
			}
		}
	}
	for _, p := range panels {
		if _, ok := figures.stat(p.row.scenario, "channels", p.row.figure); !ok {
			t.Errorf("%q: the scenario %s has no figure %s", p.title, p.row.scenario, p.row.figure)
		}
	}
}

// TestDjango runs Django Channels with each of its layers, and what it is asked
// beside broadcasts.
func TestDjango(t *testing.T) {
	t.Parallel()
	r := smoke(t)
	if err := r.findDjango(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"django-memory", "django-core", "django-pubsub", "echo", "connect", "idle"} {
		s := plan[slices.IndexFunc(plan, func(s scenario) bool { return s.name == name })]
		r.try(t, s, django[i%2])
	}
}
