package interop_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTranscripts runs one client against daphne and against Go. What it sees is the same, JSON decoded and close codes
// included, but for the differences that doc.go argues.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			// A Redis each, as the rooms have the same names.
			inPython, inGo := newSite(t, k, usual), newSite(t, k, usual)
			address := daphne(t, latest, inPython.django(t))
			theirs := transcript(t, address)
			ours := transcript(t, serveGo(t, inGo.layer(t)))
			steps := slices.Sorted(maps.Keys(theirs))
			if diff := cmp.Diff(steps, slices.Sorted(maps.Keys(ours))); diff != "" {
				t.Fatalf("steps (-daphne +Go):\n%s", diff)
			}
			faults := compare(theirs, ours)
			// When a consumer ends, Channels now and then loses a message that it has taken for another one. What
			// daphne has shown once it can do.
			for tries := 0; tries < 2 && len(faults) > 0; tries++ {
				t.Logf("daphne is asked again:\n%s", strings.Join(slices.Collect(maps.Values(faults)), "\n"))
				again := compare(transcript(t, address), ours)
				maps.DeleteFunc(faults, func(step, _ string) bool { return again[step] == "" })
			}
			for _, fault := range faults {
				t.Error(fault)
			}
			for step := range differences {
				if _, ok := theirs[step]; !ok {
					t.Errorf("there is no step %s", step)
				}
			}
		})
	}
}

// compare returns what is wrong with each step in which the two differ otherwise than is known.
func compare(theirs, ours map[string][]string) map[string]string {
	faults := make(map[string]string)
	note := func(step, what, diff string) {
		if diff != "" {
			faults[step] += fmt.Sprintf("%s%s:\n%.3000s", step, what, diff)
		}
	}
	for step := range ours {
		note(step, ", the welcome (-daphne +Go)", cmp.Diff(welcomes(theirs[step]), welcomes(ours[step])))
		known, differs := differences[step]
		if !differs {
			note(step, " (-daphne +Go)", cmp.Diff(theirs[step], ours[step]))
			continue
		}
		note(step, ", known of daphne (-known +daphne)", cmp.Diff(known.daphne, withoutWelcome(theirs[step])))
		note(step, ", known of Go (-known +Go)", cmp.Diff(known.ours, withoutWelcome(ours[step])))
	}
	return faults
}

// TestDifferencesAreArgued holds doc.go's table against the differences that the transcripts have.
func TestDifferencesAreArgued(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for step, d := range differences {
		if slices.Equal(d.daphne, d.ours) {
			t.Errorf("%s does not differ", step)
		}
		if !strings.Contains(string(doc), "\t"+step+" ") {
			t.Errorf("doc.go does not argue %s", step)
		}
	}
}

// transcript returns for each step what the client saw: an event a line, as JSON with sorted keys.
func transcript(t *testing.T, address string) map[string][]string {
	t.Helper()
	var seen map[string][]string
	out := run(t, latest, "client.py", "ws://"+address)
	if err := json.Unmarshal(out, &seen); err != nil {
		t.Fatalf("%v: %.300s", err, out)
	}
	return seen
}

// withoutWelcome drops the first thing that each connection sees.
func withoutWelcome(events []string) []string {
	return slices.DeleteFunc(slices.Clone(events), isWelcome)
}

func welcomes(events []string) []string {
	return slices.DeleteFunc(slices.Clone(events), func(event string) bool { return !isWelcome(event) })
}

func isWelcome(event string) bool { return strings.Contains(event, `"type": "welcome"`) }
