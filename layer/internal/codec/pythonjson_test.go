package codec_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gochannels/channels/layer/internal/codec"
)

// Each character of ASCII as json.dumps writes it, wherever in a text it stands.
func TestPythonTextOfASCII(t *testing.T) {
	t.Parallel()
	short := map[rune]string{'"': `\"`, '\\': `\\`, '\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`}
	for c := rune(0); c < 0x80; c++ {
		form := short[c]
		switch {
		case form != "":
		case c < ' ' || c > '~':
			form = fmt.Sprintf(`\u%04x`, c)
		default:
			form = string(c)
		}
		for _, around := range []string{"", "a", "of nine b", string(c)} {
			in := around + string(c) + around
			out := around
			if around == string(c) {
				out = form
			}
			if got, want := string(codec.AppendPythonText(nil, in)), `"`+out+form+out+`"`; got != want {
				t.Errorf("%q becomes %s, want %s", in, got, want)
			}
		}
	}
}

// What a client has typed takes a time in proportion to its length, whatever it is: a text for which that grew with the
// square would take hours.
func TestPythonTextOfAnything(t *testing.T) {
	t.Parallel()
	const n, limit = 4 << 20, 10 * time.Second
	for _, text := range []string{"x", "\x7f", "\x01", `"`, "é", "x\x7f"} {
		done := make(chan []byte, 1)
		go func() { done <- codec.AppendPythonText(nil, strings.Repeat(text, n/len(text))) }()
		select {
		case got := <-done:
			if len(got) < n {
				t.Errorf("%d bytes of %q become %d", n, text, len(got))
			}
		case <-time.After(limit):
			t.Errorf("%d bytes of %q: not within %v", n, text, limit)
		}
	}
}
