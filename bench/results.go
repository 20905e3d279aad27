package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
)

// line is what the load printed of one run, and which scenario and server it was.
type line map[string]any

func readLines(file string) ([]line, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var lines []line
	for s := bufio.NewScanner(f); ; {
		if !s.Scan() {
			return lines, s.Err()
		}
		l := line{}
		if err := json.Unmarshal(s.Bytes(), &l); err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", file, len(lines)+1, err)
		}
		lines = append(lines, l)
	}
}

func (l line) name(key string) string {
	s, _ := l[key].(string)
	return s
}

func (l line) number(key string) float64 {
	f, _ := l[key].(float64)
	return f
}

// derive adds the figures that the tables have in another form.
func (l line) derive() {
	if lost, delivered := l.number("lost"), l.number("delivered"); lost+delivered > 0 {
		l["lost_percent"] = 100 * lost / (lost + delivered)
	}
	for _, key := range []string{"p99", "echo_p99"} {
		if v, ok := l[key+"_us"].(float64); ok {
			l[key+"_ms"] = v / 1000
		}
	}
	if v, ok := l["cpu_s_per_K"].(float64); ok {
		l["cpu_us_per_conn"] = 1000 * v
	}
}

// brief is what is shown of a run while others are under way.
func (l line) brief() string {
	for _, key := range []string{"cpu_s_per_M", "cpu_s_per_K", "rss_gc_KiB_per_conn"} {
		if v, ok := l[key].(float64); ok {
			return fmt.Sprintf("%s %s, lost %g, wrong %g", key, short(v), l.number("lost"), l.number("wrong"))
		}
	}
	return ""
}

// stat is a figure of several runs.
type stat struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	Runs   int     `json:"runs"`
}

// results are the figures by scenario, server and name.
type results struct {
	About   about                                 `json:"about"`
	Figures map[string]map[string]map[string]stat `json:"figures"`
}

// stat returns a figure, and whether there is one.
func (r *results) stat(scenario, server, figure string) (stat, bool) {
	s, ok := r.Figures[scenario][server][figure]
	return s, ok
}

func summarise(lines []line) *results {
	values := map[string]map[string]map[string][]float64{}
	for _, l := range lines {
		scenario, server := l.name("scenario"), l.name("server")
		if values[scenario] == nil {
			values[scenario] = map[string]map[string][]float64{}
		}
		if values[scenario][server] == nil {
			values[scenario][server] = map[string][]float64{}
		}
		for key, v := range l {
			if v, ok := v.(float64); ok {
				values[scenario][server][key] = append(values[scenario][server][key], v)
			}
		}
	}
	r := &results{Figures: map[string]map[string]map[string]stat{}}
	for scenario, servers := range values {
		r.Figures[scenario] = map[string]map[string]stat{}
		for server, figures := range servers {
			r.Figures[scenario][server] = map[string]stat{}
			for figure, v := range figures {
				r.Figures[scenario][server][figure] = newStat(v)
			}
		}
	}
	return r
}

func newStat(v []float64) stat {
	v = slices.Sorted(slices.Values(v))
	return stat{Median: (v[(len(v)-1)/2] + v[len(v)/2]) / 2, Min: v[0], Max: v[len(v)-1], Runs: len(v)}
}

// short writes a figure with three digits.
func short(f float64) string {
	switch {
	case f == 0:
		return "0"
	case f < 0.001:
		return "< 0.001"
	case f < 0.1:
		return strconv.FormatFloat(f, 'g', 2, 64)
	case f < 10:
		return strconv.FormatFloat(f, 'f', 2, 64)
	case f < 100:
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	return strconv.FormatFloat(f, 'f', 0, 64)
}
