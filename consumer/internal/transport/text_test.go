package transport_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/gochannels/channels/consumer/internal/transport"
)

// texts are what RFC 3629 section 4 says no to, and its neighbours that are
// right. bad is the first byte at which the text can't be UTF-8 any more, -1 if
// there is none, or the length if it ends too early.
var texts = []struct {
	name, text string
	bad        int
}{
	{"ASCII", "Hello-World", -1},
	{"two bytes", "\xc2\x80\xdf\xbf", -1},
	{"three bytes", "\xe0\xa0\x80\xec\xbf\xbf\xee\x80\x80\xef\xbf\xbf", -1},
	{"around the surrogates", "\xed\x9f\xbf\xee\x80\x80", -1},
	{"four bytes", "\xf0\x90\x80\x80\xf3\xbf\xbf\xbf\xf4\x8f\xbf\xbf", -1},
	{"no characters", "\xef\xb7\x90\xef\xbf\xbe\xf4\x8f\xbf\xbe", -1},
	{"the replacement character", "\xef\xbf\xbd", -1},
	{"a byte order mark", "\xef\xbb\xbfx", -1},
	{"zeros", "\x00\x00\x00", -1},
	{"Greek", "κόσμε", -1},
	{"Greek, then a surrogate", "κόσμε\xed\xa0\x80edited", 11},
	{"Greek, then beyond Unicode", "κόσμε\xf4\x90\x80\x80edited", 11},
	{"continuation first", "\x80", 0},
	{"last continuation first", "\xbf", 0},
	{"continuations", "\x80\xbf\x80", 0},
	{"starts of two bytes alone", "\xc3 \xc4 ", 1},
	{"start of three bytes alone", "\xe0 ", 1},
	{"start of four bytes alone", "\xf0 ", 1},
	{"second byte missing", "\xe2\x82\xe2\x82\xac", 2},
	{"third byte missing", "\xf0\x9f\x98x", 3},
	{"fe", "\xfe", 0},
	{"ff", "\xff", 0},
	{"overlong slash of two bytes", "\xc0\xaf", 0},
	{"overlong c1", "\xc1\xbf", 0},
	{"overlong slash of three bytes", "\xe0\x80\xaf", 1},
	{"overlong limit of three bytes", "\xe0\x9f\xbf", 1},
	{"overlong slash of four bytes", "\xf0\x80\x80\xaf", 1},
	{"overlong limit of four bytes", "\xf0\x8f\xbf\xbf", 1},
	{"first surrogate", "\xed\xa0\x80", 1},
	{"last surrogate", "\xed\xbf\xbf", 1},
	{"pair of surrogates", "\xed\xa0\xbd\xed\xb8\x80", 1},
	{"first beyond Unicode", "\xf4\x90\x80\x80", 1},
	{"f5", "\xf5\x80\x80\x80", 0},
	{"five bytes", "\xf8\x88\x80\x80\x80", 0},
	{"six bytes", "\xfc\x84\x80\x80\x80\x80", 0},
	{"ends after one of two", "é\xc3", 3},
	{"ends after one of three", "\xe2", 1},
	{"ends after two of three", "\xe2\x82", 2},
	{"ends after three of four", "\xf0\x9f\x98", 3},
}

// RFC 6455 section 8.1, whatever the frames: each text in one frame, in two
// with a cut at each place, in a frame for each byte, and behind a long text.
func TestText(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *transport.Settings) { s.Compression = true }, nil)
	for _, test := range texts {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ways := map[string][][]byte{
				"in one frame":        {frame(0x81, test.text)},
				"in fragments":        fragments(0x01, test.text),
				"behind a long text":  {frame(0x81, strings.Repeat("é", 20000)+test.text)},
				"behind a long frame": {frame(0x01, strings.Repeat("€", 20000)), frame(0x80, test.text)},
				"compressed":          {frame(0xC1, stored(test.text))},
			}
			for i := range test.text {
				ways[fmt.Sprint("cut at ", i)] = [][]byte{frame(0x01, test.text[:i]), frame(0x80, test.text[i:])}
			}
			for name, frames := range ways {
				c := s.dial(t, permessageDeflate, "")
				for _, f := range frames {
					c.Write(f) // after the fault nobody reads it
				}
				if test.bad >= 0 {
					c.expectClose(1007)
				} else if first, p := c.next(); first&^rsv1 != 0x81 || first&rsv1 == 0 && !strings.HasSuffix(p, test.text) {
					t.Errorf("%s: frame %#x %q", name, first, p)
				}
				c.Close()
			}
		})
	}
}

// stored is a compressed message of one block without compression.
func stored(text string) string {
	n := uint16(len(text))
	b := binary.LittleEndian.AppendUint16([]byte{0}, n)
	return string(binary.LittleEndian.AppendUint16(b, ^n)) + text + "\x00"
}

// RFC 6455 section 8.1 lets a server fail a text as soon as it can't be UTF-8.
// Here the rest never comes: the close frame answers the byte itself.
func TestTextFailsFast(t *testing.T) {
	t.Parallel()
	s := start(t, nil, nil)
	for _, test := range texts {
		if test.bad < 0 || test.bad >= len(test.text) {
			continue
		}
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, long := range []int{0, 1000, 3000, 40000} {
				text := strings.Repeat("é", long/2) + test.text
				bad := long + test.bad
				t.Run(fmt.Sprint("inside a frame, behind ", long), func(t *testing.T) {
					c := s.dial(t, "", "")
					whole := frame(0x81, text+strings.Repeat("x", 1000))
					at := len(whole) - 1000 - len(text) + bad
					c.send(whole[:at])
					c.send(whole[at : at+1])
					c.expectClose(1007)
				})
				t.Run(fmt.Sprint("in a fragment, behind ", long), func(t *testing.T) {
					c := s.dial(t, "", "")
					c.send(frame(0x01, text[:bad]), frame(0x89, "still there"))
					c.expect(0x8A, "still there")
					c.send(frame(0x00, text[bad:bad+1]))
					c.expectClose(1007)
				})
			}
			t.Run("byte by byte", func(t *testing.T) {
				c := s.dial(t, "", "")
				whole := frame(0x81, test.text+"never sent")
				for _, b := range whole[:6+test.bad+1] {
					c.send([]byte{b})
				}
				c.expectClose(1007)
			})
		})
	}
}

// Binary messages hold anything, RFC 6455 section 5.6.
func TestBinaryHoldsAnything(t *testing.T) {
	t.Parallel()
	s := start(t, nil, nil)
	c := s.dial(t, "", "")
	for _, test := range texts {
		c.send(frame(0x82, test.text))
		c.expect(0x82, test.text)
		c.send(fragments(0x02, test.text)...)
		c.expect(0x82, test.text)
	}
}
