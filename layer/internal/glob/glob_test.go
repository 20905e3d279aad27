package glob_test

import (
	"testing"

	"github.com/gochannels/channels/layer/internal/glob"
)

func TestMatchIsFnmatch(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"http.request", "http.request", true},
		{"http.request", "http.request.x", false},
		{"http.response!*", "http.response!abc", true},
		{"http.response!*", "http.response!", true},
		{"http.response!*", "http.response", false},
		{"specific.*", "specific.memory!ABC", true},
		{"*", "", true},
		{"**", "x", true},
		{"a*b*c", "aXbYbZc", true},
		{"a*b*c", "aXbYbZ", false},
		{"*.log", "a.log.log", true},
		{"?", "a", true},
		{"?", "", false},
		{"a?c", "abc", true},
		{"[abc]x", "bx", true},
		{"[abc]x", "dx", false},
		{"[a-c]x", "bx", true},
		{"[!a-c]x", "bx", false},
		{"[!a-c]x", "dx", true},
		{"[]x]", "]", true},
		{"[!]x]", "]", false},
		{"[!]x]", "y", true},
		{"[a-]", "-", true},
		{"[-a]", "-", true},
		{"A", "a", false},
		{"a.b", "aXb", false},
		{"*x", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaay", false},
		{"*[b-d]?", "aaca", true},
	}
	for _, test := range tests {
		if err := glob.Check(test.pattern); err != nil {
			t.Errorf("Check(%q): %v", test.pattern, err)
		}
		if got := glob.Match(test.pattern, test.name); got != test.want {
			t.Errorf("Match(%q, %q) = %v, want %v", test.pattern, test.name, got, test.want)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{"", "[", "a[b", "a[!", "[]", "[!]", "x[a]y["} {
		if glob.Check(pattern) == nil {
			t.Errorf("Check(%q) is nil", pattern)
		}
	}
}
