package layer_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/layer"
)

func TestCheckChannelName(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, want string }{
		{"work", ""},
		{"specific.memory!ABC", ""},
		{"a!", ""},
		{strings.Repeat("a", 99), ""},
		{strings.Repeat("a", 50) + "!" + strings.Repeat("b", 48), ""},
		{"", `layer: channel name "": it is empty`},
		{strings.Repeat("a", 100), `layer: channel name "` + strings.Repeat("a", 40) + `"...: it has 100 bytes, more than 99`},
		{"!a", `layer: channel name "!a": nothing is before its '!'`},
		{"a!b!c", `layer: channel name "a!b!c": byte 3 is a second '!'`},
		{"a b", `layer: channel name "a b": byte 1 (' ') is not an ASCII letter, digit, '-', '.', '_' or '!'`},
		{"a!é", `layer: channel name "a!é": byte 2 (0xc3) is not an ASCII letter, digit, '-', '.', '_' or '!'`},
		{"abc\n", `layer: channel name "abc\n": byte 3 ('\n') is not an ASCII letter, digit, '-', '.', '_' or '!'`},
		{"=+135!", `layer: channel name "=+135!": byte 0 ('=') is not an ASCII letter, digit, '-', '.', '_' or '!'`},
	}
	for _, test := range tests {
		got := ""
		if err := layer.CheckChannelName(test.name); err != nil {
			got = err.Error()
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("CheckChannelName(%q) (-want +got):\n%s", test.name, diff)
		}
	}
}

var channelRule = regexp.MustCompile(`\A[A-Za-z0-9._-]+(![A-Za-z0-9._-]*)?\z`)

func FuzzCheckChannelName(f *testing.F) {
	for _, s := range []string{"", "a", "a!b", "a!b!c", "!", "é", "a\n", strings.Repeat("x", 99) + "!"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		ok := len(name) <= 99 && channelRule.MatchString(name)
		if err := layer.CheckChannelName(name); ok != (err == nil) {
			t.Fatalf("CheckChannelName(%q) = %v, but the rule says %v", name, err, ok)
		}
	})
}
