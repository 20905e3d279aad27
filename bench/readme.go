package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
)

// What begins and ends the part of the README that is generated.
const (
	begin = "<!-- figures -->\n"
	end   = "<!-- end of figures -->\n"
)

// The files beside this one that the README's part is made of and shows.
const (
	figuresFile = "figures.json"
	pictureFile = "figures.svg"
)

// readFigures reads what write has written.
func readFigures(dir string) (*results, error) {
	data, err := os.ReadFile(filepath.Join(dir, figuresFile))
	if err != nil {
		return nil, err
	}
	r := new(results)
	return r, json.Unmarshal(data, r)
}

// write puts the figures into the module's folder and into the README above it.
// What was measured on the same machine before and is not measured now stays.
func (r *results) write(dir string) error {
	if old, err := readFigures(dir); err == nil && old.About.Machine == r.About.Machine {
		r.keep(old)
	}
	r.prune()
	data, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	readme := filepath.Join(dir, "..", "README.md")
	text, err := os.ReadFile(readme)
	if err != nil {
		return err
	}
	replaced, err := replacePart(string(text), r.markdown())
	if err != nil {
		return fmt.Errorf("%s: %w", readme, err)
	}
	for file, content := range map[string]string{
		filepath.Join(dir, figuresFile): string(data) + "\n",
		filepath.Join(dir, pictureFile): r.picture(),
		readme:                          replaced,
	} {
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// keep takes what r lacks from old.
func (r *results) keep(old *results) {
	for scenario, servers := range old.Figures {
		if r.Figures[scenario] == nil {
			r.Figures[scenario] = map[string]map[string]stat{}
		}
		for server, figures := range servers {
			if r.Figures[scenario][server] == nil {
				r.Figures[scenario][server] = figures
			}
		}
	}
}

// part returns what is between the marks of text.
func part(text string) (before, between, after string, err error) {
	before, rest, ok := strings.Cut(text, begin)
	between, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return "", "", "", fmt.Errorf("it lacks the marks %q and %q", begin, end)
	}
	return before, between, after, nil
}

func replacePart(text, between string) (string, error) {
	before, _, after, err := part(text)
	if err != nil {
		return "", err
	}
	return before + begin + between + end + after, nil
}

// prune leaves the figures that the tables and the picture show.
func (r *results) prune() {
	used := map[row]bool{}
	for _, t := range tables {
		for _, row := range t.rows {
			row.title = ""
			used[row] = true
		}
	}
	for _, p := range panels {
		used[p.row] = true
	}
	for scenario, servers := range r.Figures {
		for server, figures := range servers {
			maps.DeleteFunc(figures, func(figure string, _ stat) bool { return !used[row{scenario: scenario, figure: figure}] })
			if len(figures) == 0 {
				delete(servers, server)
			}
		}
	}
	maps.DeleteFunc(r.Figures, func(_ string, servers map[string]map[string]stat) bool { return len(servers) == 0 })
}
