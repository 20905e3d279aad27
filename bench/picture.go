package main

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
)

// panel is a part of the picture: one figure of several servers, as bars.
type panel struct {
	title   string
	unit    string
	row     row
	servers []string
}

var panels = []panel{
	{"Fan-out to 1,000 clients", "µs of CPU a delivery", row{scenario: "fanout", figure: "cpu_s_per_M"}, slices.Concat(ours, peers)},
	{"Fan-out to 1,000, 1 KiB compressed", "µs of CPU a delivery", row{scenario: "deflate", figure: "cpu_s_per_M"}, slices.Concat(ours, peers)},
	{"Echo", "µs of CPU a round trip", row{scenario: "echo", figure: "cpu_s_per_M"}, slices.Concat(ours, peers)},
	{"An idle client in a group", "KiB of memory", row{scenario: "idle", figure: "rss_gc_KiB_per_conn"}, slices.Concat(ours, peers)},
	{"Django: fan-out to 500 over Redis pub/sub", "µs of CPU a delivery", row{scenario: "django-pubsub", figure: "cpu_s_per_M"}, slices.Concat(ours, []string{"channels-message"}, django)},
	{"Django: echo", "µs of CPU a round trip", row{scenario: "echo", figure: "cpu_s_per_M"}, slices.Concat(ours, []string{"channels-message"}, django)},
}

// The picture's measures in pixels.
const (
	panelWidth = 420
	margin     = 20
	headHeight = 48
	barHeight  = 14
	barStep    = 21
	labelWidth = 122
	valueWidth = 52
)

const style = `text { font: 12px -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 14px }
.unit { fill: #59636e }
.ours { fill: #0969da }
.other { fill: #afb8c1 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .unit { fill: #9198a1 }
  .ours { fill: #4493f8 }
  .other { fill: #57606a }
}
`

// picture returns the panels as SVG. It has no background, and colours for light
// and dark pages.
func (r *results) picture() string {
	var b strings.Builder
	y := 0
	for i := 0; i < len(panels); i += 2 {
		pair := panels[i:min(i+2, len(panels))]
		height := 0
		for j, p := range pair {
			height = max(height, r.panel(&b, p, j*panelWidth, y))
		}
		y += height
	}
	return fmt.Sprintf("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%[1]d\" height=\"%[2]d\" role=\"img\">\n"+
		"<title>What a server costs; less is better</title>\n<style>\n%s</style>\n%s</svg>\n", 2*panelWidth, y, style, b.String())
}

type bar struct {
	server string
	value  float64
}

// panel draws one and returns its height.
func (r *results) panel(b *strings.Builder, p panel, x, y int) int {
	var bars []bar
	for _, server := range p.servers {
		if s, ok := r.stat(p.row.scenario, server, p.row.figure); ok {
			bars = append(bars, bar{server, s.Median})
		}
	}
	slices.SortStableFunc(bars, func(a, b bar) int { return cmp.Compare(a.value, b.value) })
	fmt.Fprintf(b, "<g transform=\"translate(%d %d)\">\n", x+margin/2, y)
	fmt.Fprintf(b, "<text class=\"title\" y=\"20\">%s</text>\n", escape(p.title))
	fmt.Fprintf(b, "<text class=\"unit\" y=\"38\">%s; less is better</text>\n", escape(p.unit))
	for i, bar := range bars {
		class := "other"
		if strings.HasPrefix(bar.server, "channels") {
			class = "ours"
		}
		const most = panelWidth - margin - labelWidth - valueWidth
		width, top := max(most*bar.value/bars[len(bars)-1].value, 1), headHeight+i*barStep
		fmt.Fprintf(b, "<text y=\"%d\">%s</text>", top+barHeight-2, escape(label(bar.server)))
		fmt.Fprintf(b, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"2\"/>", class, labelWidth, top, width, barHeight)
		fmt.Fprintf(b, "<text x=\"%.1f\" y=\"%d\">%s</text>\n", labelWidth+width+6, top+barHeight-2, escape(short(bar.value)))
	}
	b.WriteString("</g>\n")
	return headHeight + len(bars)*barStep + margin
}

// label is a server's name in the picture.
func label(server string) string {
	if server == "channels-message" {
		return "with a handler"
	}
	return title(server)
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder has no errors
	return b.String()
}
