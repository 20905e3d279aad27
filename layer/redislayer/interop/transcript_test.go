package interop_test

import (
	"encoding/json"
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
			theirs := transcript(t, daphne(t, latest, inPython.django(t)))
			ours := transcript(t, serveGo(t, inGo.layer(t)))
			steps := slices.Sorted(maps.Keys(theirs))
			if diff := cmp.Diff(steps, slices.Sorted(maps.Keys(ours))); diff != "" {
				t.Fatalf("steps (-daphne +Go):\n%s", diff)
			}
			for _, step := range steps {
				known, differs := differences[step]
				if diff := cmp.Diff(welcomes(theirs[step]), welcomes(ours[step])); diff != "" {
					t.Errorf("%s, the welcome (-daphne +Go):\n%s", step, diff)
				}
				if !differs {
					if diff := cmp.Diff(theirs[step], ours[step]); diff != "" {
						t.Errorf("%s (-daphne +Go):\n%.3000s", step, diff)
					}
					continue
				}
				if diff := cmp.Diff(known.daphne, withoutWelcome(theirs[step])); diff != "" {
					t.Errorf("%s, known of daphne (-known +daphne):\n%.3000s", step, diff)
				}
				if diff := cmp.Diff(known.ours, withoutWelcome(ours[step])); diff != "" {
					t.Errorf("%s, known of Go (-known +Go):\n%.3000s", step, diff)
				}
			}
			for step := range differences {
				if _, ok := theirs[step]; !ok {
					t.Errorf("there is no step %s", step)
				}
			}
		})
	}
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
