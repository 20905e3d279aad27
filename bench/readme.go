package main

import (
	"encoding/json"
	"fmt"
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
func (r *results) write(dir string) error {
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
		for _, figures := range servers {
			for figure := range figures {
				if !used[row{scenario: scenario, figure: figure}] {
					delete(figures, figure)
				}
			}
		}
	}
}
