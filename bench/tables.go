package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// shown are the figures of the text tables, in their order. The first that a
// scenario has is set in relation to floor.
var shown = []string{
	"cpu_s_per_M", "cpu_s_per_K", "rss_gc_KiB_per_conn", "rss_KiB_per_conn", "heap_KiB_per_conn", "stack_KiB_per_conn",
	"goroutines_per_conn", "cpu_us_per_connect", "Kmsg_per_s", "Krt_per_s", "Kframes_per_s", "Kconn_per_s",
	"echo_p50_us", "echo_p99_us", "p50_us", "p99_us", "lost", "wrong", "mallocs_per_msg", "mallocs_per_conn", "client_cpu_s_per_M", "rss_MiB", "goroutines_after",
}

// text writes a table of everything for each scenario: medians, and the first
// figure divided by the floor's.
func (r *results) text(w io.Writer) {
	for _, s := range plan {
		servers := r.Figures[s.name]
		if len(servers) == 0 {
			continue
		}
		one := servers[slices.Sorted(maps.Keys(servers))[0]]
		var columns []string
		for _, figure := range shown {
			if _, ok := one[figure]; ok {
				columns = append(columns, figure)
			}
		}
		fmt.Fprintf(w, "\n%s: load %s\n", s.name, strings.Join(s.load, " "))
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintf(tw, "server\truns\t/floor\t(min-max)\t%s\t\n", strings.Join(columns, "\t"))
		floor := servers["floor"][columns[0]].Median
		for _, name := range s.servers {
			first, ok := servers[name][columns[0]]
			if !ok {
				continue
			}
			ratio, spread := "-", fmt.Sprintf("%.3g-%.3g", first.Min, first.Max)
			if floor > 0 {
				ratio, spread = fmt.Sprintf("%.2f", first.Median/floor), fmt.Sprintf("%.2f-%.2f", first.Min/floor, first.Max/floor)
			}
			fmt.Fprintf(tw, "%s\t%d\t%s\t%s\t", name, first.Runs, ratio, spread)
			for _, figure := range columns {
				fmt.Fprintf(tw, "%.4g\t", servers[name][figure].Median)
			}
			fmt.Fprintln(tw)
		}
		_ = tw.Flush()
	}
}

// titles are how the README calls servers.
var titles = map[string]string{
	"channels":          "this library",
	"channels-envelope": "`layer.Envelope`",
	"channels-struct":   "a struct",
	"channels-message":  "`Message`",
	"uvicorn":           "Channels, Uvicorn",
	"daphne":            "Channels, Daphne",
	"floor":             "system calls",
}

func title(server string) string {
	if t, ok := titles[server]; ok {
		return t
	}
	return server
}

// markdown returns the README's tables: medians, and in brackets how many times
// the first column's they are. Rows without figures are left out.
func (r *results) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s. %s.\n", r.About.Machine, strings.Join(r.About.Libraries, ", "))
	for _, t := range tables {
		var rows []row
		for _, row := range t.rows {
			if slices.ContainsFunc(t.columns, func(server string) bool { return r.has(row, server) }) {
				rows = append(rows, row)
			}
		}
		if len(rows) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n| %s |", t.title)
		for _, server := range t.columns {
			fmt.Fprintf(&b, " %s |", title(server))
		}
		b.WriteString("\n|---|" + strings.Repeat("---:|", len(t.columns)) + "\n")
		for _, row := range rows {
			fmt.Fprintf(&b, "| %s |", row.title)
			for _, server := range t.columns {
				fmt.Fprintf(&b, " %s |", r.cell(row, server, t.columns[0]))
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func (r *results) has(row row, server string) bool {
	_, ok := r.stat(row.scenario, server, row.figure)
	return ok
}

// cell returns a median and its ratio to that of the server first; a dash where
// there is none.
func (r *results) cell(row row, server, first string) string {
	s, ok := r.stat(row.scenario, server, row.figure)
	if !ok {
		return "–"
	}
	base, ok := r.stat(row.scenario, first, row.figure)
	if server == first {
		return "**" + short(s.Median) + "**"
	}
	if !ok || base.Median == 0 || s.Median == 0 || strings.HasSuffix(row.figure, "percent") {
		return short(s.Median)
	}
	return fmt.Sprintf("%s (%s)", short(s.Median), times(s.Median/base.Median))
}

// times writes a ratio with two digits.
func times(f float64) string {
	if f < 9.95 {
		return fmt.Sprintf("%.1f×", f)
	}
	return fmt.Sprintf("%.0f×", f)
}
