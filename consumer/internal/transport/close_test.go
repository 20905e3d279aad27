package transport_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gochannels/channels/consumer/internal/transport"
)

func TestCheckCode(t *testing.T) {
	t.Parallel()
	legal := func(code int) bool {
		return code >= 1000 && code <= 1003 || code >= 1007 && code <= 1014 || code >= 3000 && code <= 4999
	}
	for code := -1; code < 70000; code++ {
		if err := transport.CheckCode(code); (err == nil) != legal(code) {
			t.Fatalf("CheckCode(%d) = %v", code, err)
		}
	}
}

func FuzzCutReason(f *testing.F) {
	for _, s := range []string{"", "bye", strings.Repeat("x", 123), strings.Repeat("x", 124), strings.Repeat("€", 50), "x" + strings.Repeat("😀", 40), "\xff\xfe", strings.Repeat("\xff", 200)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := transport.CutReason(s)
		switch {
		case len(got) > 123:
			t.Errorf("%d bytes", len(got))
		case !utf8.ValidString(got):
			t.Errorf("%q is not UTF-8", got)
		case utf8.ValidString(s) && !strings.HasPrefix(s, got):
			t.Errorf("%q does not begin with %q", s, got)
		case utf8.ValidString(s) && len(s) <= 123 && got != s:
			t.Errorf("%q was cut", s)
		case utf8.ValidString(s) && len(s) > 123 && len(got) < 120:
			t.Errorf("cut to %d bytes, more than one rune too many", len(got))
		}
	})
}
