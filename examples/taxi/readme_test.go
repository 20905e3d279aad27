package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

var (
	excerpt = regexp.MustCompile("(?ms)^<!-- (\\S+) -->\n^```\\w+\n(.*?)^```$")
	code    = regexp.MustCompile("(?m)^```(?:go|js)$")
)

// All code of the walk-through is cut from the program: each paragraph stands in the
// file named, line by line and in the same order.
func TestWalkThroughIsTheProgram(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	excerpts := excerpt.FindAllStringSubmatch(string(text), -1)
	if n := len(code.FindAll(text, -1)); n != len(excerpts) || n < 10 {
		t.Errorf("%d pieces of code, %d with the name of a file", n, len(excerpts))
	}
	for _, e := range excerpts {
		file, err := os.ReadFile(e[1])
		if err != nil {
			t.Error(err)
			continue
		}
		rest := "\n" + string(file)
		for paragraph := range strings.SplitSeq(strings.TrimSuffix(e[2], "\n"), "\n\n") {
			_, after, found := strings.Cut(rest, "\n"+paragraph+"\n")
			if !found {
				t.Errorf("not in %s, or not in this order:\n%s", e[1], paragraph)
				break
			}
			rest = "\n" + after
		}
	}
}
