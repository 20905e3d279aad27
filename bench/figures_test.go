package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestMedians(t *testing.T) {
	t.Parallel()
	run := func(server string, cpu, lost float64) line {
		return line{"scenario": "fanout", "server": server, "cpu_s_per_M": cpu, "lost": lost, "delivered": 100 - lost, "p99_us": 2500.0}
	}
	lines := []line{run("channels", 3, 0), run("gws", 6, 0), run("channels", 1, 0), run("gws", 9, 20), run("channels", 2, 0)}
	for _, l := range lines {
		l.derive()
	}
	r := summarise(lines)
	for _, tt := range []struct {
		server, figure string
		want           stat
	}{
		{"channels", "cpu_s_per_M", stat{2, 1, 3, 3}},
		{"gws", "cpu_s_per_M", stat{7.5, 6, 9, 2}},
		{"gws", "lost_percent", stat{10, 0, 20, 2}},
		{"gws", "p99_ms", stat{2.5, 2.5, 2.5, 2}},
	} {
		if got, ok := r.stat("fanout", tt.server, tt.figure); !ok || got != tt.want {
			t.Errorf("%s of %s is %+v, want %+v", tt.figure, tt.server, got, tt.want)
		}
	}
	cpu, lost := row{"", "fanout", "cpu_s_per_M"}, row{"", "fanout", "lost_percent"}
	for _, tt := range []struct {
		row    row
		server string
		want   string
	}{
		{cpu, "channels", "**2.00**"},
		{cpu, "gws", "7.50 (3.8×)"},
		{cpu, "melody", "–"},
		{lost, "channels", "**0**"},
		{lost, "gws", "10.0"},
	} {
		if got := r.cell(tt.row, tt.server, "channels"); got != tt.want {
			t.Errorf("%s of %s is written %q, want %q", tt.row.figure, tt.server, got, tt.want)
		}
	}
}

// TestKeep writes a part of the figures, and the rest stays.
func TestKeep(t *testing.T) {
	t.Parallel()
	figures := func(server string, cpu float64) *results {
		return summarise([]line{{"scenario": "fanout", "server": server, "cpu_s_per_M": cpu}})
	}
	r := figures("gws", 2)
	r.keep(figures("gws", 1))
	r.keep(figures("channels", 3))
	for server, want := range map[string]float64{"gws": 2, "channels": 3} {
		if s, _ := r.stat("fanout", server, "cpu_s_per_M"); s.Median != want {
			t.Errorf("%s: %v, want %v", server, s.Median, want)
		}
	}
	if got := strings.Count(r.markdown(), "\n|"); got != 2*3 { // two tables have the row
		t.Errorf("%d lines of tables in %s", got, r.markdown())
	}
}

func TestShort(t *testing.T) {
	t.Parallel()
	for f, want := range map[float64]string{0: "0", 0.00042: "< 0.001", 0.0161: "0.016", 0.6: "0.60", 1.005: "1.00", 12.34: "12.3", 345.6: "346"} {
		if got := short(f); got != want {
			t.Errorf("short(%v) = %q, want %q", f, got, want)
		}
	}
}

// TestPlan finds tables and pictures of what no scenario has.
func TestPlan(t *testing.T) {
	t.Parallel()
	servers := map[string][]string{}
	for _, s := range plan {
		if servers[s.name] != nil {
			t.Errorf("the scenario %s is there twice", s.name)
		}
		servers[s.name] = s.servers
	}
	shown := map[string]bool{}
	for _, table := range tables {
		for _, row := range table.rows {
			shown[row.scenario] = true
			if !slices.Contains(servers[row.scenario], table.columns[0]) {
				t.Errorf("%s: %q: the scenario %s lacks %s", table.title, row.title, row.scenario, table.columns[0])
			}
		}
	}
	for _, s := range plan {
		if !shown[s.name] {
			t.Errorf("no table shows the scenario %s", s.name)
		}
	}
}

// TestReadme compares what was generated with what generates it.
func TestReadme(t *testing.T) {
	t.Parallel()
	const how = "it is not what the command makes of bench/figures.json: go run ./bench -render"
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, between, _, err := part(string(text))
	if err != nil {
		t.Fatal(err)
	}
	r, err := readFigures(".")
	if err != nil {
		t.Fatal(err)
	}
	if between != r.markdown() {
		t.Error("README.md:", how)
	}
	svg, err := os.ReadFile(pictureFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(svg) != r.picture() {
		t.Error(pictureFile+":", how)
	}
}

// TestPicture reads the bars back.
func TestPicture(t *testing.T) {
	t.Parallel()
	r := summarise([]line{
		{"scenario": "fanout", "server": "channels", "cpu_s_per_M": 1.0},
		{"scenario": "fanout", "server": "gws", "cpu_s_per_M": 10.0},
		{"scenario": "fanout", "server": "nhooyr", "cpu_s_per_M": 20.0},
	})
	var widths []float64
	var texts []string
	d := xml.NewDecoder(strings.NewReader(r.picture()))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if token.Name.Local != "rect" {
				break
			}
			for _, a := range token.Attr {
				if a.Name.Local == "width" {
					w, err := strconv.ParseFloat(a.Value, 64)
					if err != nil {
						t.Fatal(err)
					}
					widths = append(widths, w)
				}
			}
		case xml.CharData:
			texts = append(texts, string(token))
		}
	}
	if len(widths) != 3 || widths[2] < 19*widths[0] || widths[2] > 21*widths[0] || widths[1]*2 != widths[2] {
		t.Errorf("bars of %v, want 1 to 10 to 20", widths)
	}
	for _, want := range []string{"Fan-out to 1,000 clients", "this library", "gws", "1.00", "20.0"} {
		if !slices.Contains(texts, want) {
			t.Errorf("the picture does not say %q", want)
		}
	}
}

func TestReplacePart(t *testing.T) {
	t.Parallel()
	const before, after = "# Title\n" + begin, end + "more\n"
	got, err := replacePart(before+"old\n"+after, "new\n")
	if err != nil || got != before+"new\n"+after {
		t.Errorf("replaced to %q, %v", got, err)
	}
	if _, err := replacePart("# Title\n"+begin, "new\n"); err == nil {
		t.Error("a README without the second mark is accepted")
	}
}
