package transport_test

import (
	"cmp"
	"compress/flate"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/gochannels/channels/consumer/internal/transport"
)

// Every offer of RFC 7692 section 7.1 gets the answer that the section allows,
// or none: then the connection goes on without compression.
func TestOffers(t *testing.T) {
	t.Parallel()
	const usual = "permessage-deflate; client_no_context_takeover; server_no_context_takeover"
	tests := []struct{ section, offer, want string }{
		{"5 none", "", ""},
		{"5 another extension", "x-webkit-deflate-frame", ""},
		{"5 unknown parameter", "permessage-deflate; level=9", ""},
		{"5 nothing between semicolons", "permessage-deflate; ", ""},
		{"5.1 bare", "permessage-deflate", usual},
		{"5.1 second of two", "permessage-deflate; server_max_window_bits=99, permessage-deflate", usual},
		{"5.1 second of two lines", "x-other\r\nSec-WebSocket-Extensions: permessage-deflate", usual},
		{"5.1 the first that can be met", "permessage-deflate; server_max_window_bits=10, permessage-deflate; server_no_context_takeover", usual + "; server_max_window_bits=10"},
		{"7.1.1.1 server_no_context_takeover", "permessage-deflate; server_no_context_takeover", usual},
		{"7.1.1.1 with a value", "permessage-deflate; server_no_context_takeover=1", ""},
		{"7.1.1.1 twice", "permessage-deflate; server_no_context_takeover; server_no_context_takeover", ""},
		{"7.1.1.2 client_no_context_takeover", "permessage-deflate; client_no_context_takeover", usual},
		{"7.1.1.2 with a value", "permessage-deflate; client_no_context_takeover=", ""},
		{"7.1.2.1 without a value", "permessage-deflate; server_max_window_bits", ""},
		{"7.1.2.1 leading zero", "permessage-deflate; server_max_window_bits=09", ""},
		{"7.1.2.1 twice", "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9", ""},
		{"7.1.2.1 quoted", `permessage-deflate; server_max_window_bits="12"`, usual + "; server_max_window_bits=12"},
		{"7.1.2.1 half a quotation", `permessage-deflate; server_max_window_bits="12`, ""},
		{"7.1.2.1 with takeover", "permessage-deflate; server_no_context_takeover; server_max_window_bits=15", usual + "; server_max_window_bits=15"},
		{"7.1.2.2 without a value", "permessage-deflate; client_max_window_bits", usual},
		{"7.1.2.2 leading zero", "permessage-deflate; client_max_window_bits=010", ""},
		{"7.1.2.2 no number", "permessage-deflate; client_max_window_bits=all", ""},
		{"7.1.2.2 both sides", "permessage-deflate; client_max_window_bits=9; server_max_window_bits=9", usual + "; server_max_window_bits=9"},
	}
	for bits := range 18 {
		server, client := "", ""
		if bits >= 8 && bits <= 15 {
			server, client = fmt.Sprint(usual, "; server_max_window_bits=", bits), usual
		}
		tests = append(tests,
			struct{ section, offer, want string }{fmt.Sprint("7.1.2.1 server ", bits), fmt.Sprint("permessage-deflate; server_max_window_bits=", bits), server},
			struct{ section, offer, want string }{fmt.Sprint("7.1.2.2 client ", bits), fmt.Sprint("permessage-deflate; client_max_window_bits=", bits), client})
	}
	s := start(t, func(s *transport.Settings) { s.Compression = true }, nil)
	for _, test := range tests {
		t.Run(test.section, func(t *testing.T) {
			t.Parallel()
			c := s.dial(t, "Sec-WebSocket-Extensions: "+cmp.Or(test.offer, "x")+"\r\n", "")
			if got := strings.Join(c.header["Sec-Websocket-Extensions"], " | "); got != test.want {
				t.Errorf("answer %q, want %q", got, test.want)
			}
			// The first bit means a compressed message, or breaks the protocol.
			c.send(frame(0xC1, hello))
			if test.want == "" {
				c.expectClose(1002)
			} else {
				c.expect(0x81, "Hello")
			}
		})
	}
}

// hello is "Hello" as RFC 7692 section 7.2.3.1 compresses it.
const hello = "\xf2\x48\xcd\xc9\xc9\x07\x00"

// A server that does not want compression agrees to no offer of it.
func TestCompressionOff(t *testing.T) {
	t.Parallel()
	s := start(t, nil, nil)
	c := s.dial(t, "Sec-WebSocket-Extensions: permessage-deflate\r\n", "")
	if got := c.header["Sec-Websocket-Extensions"]; got != nil {
		t.Errorf("answer %q", got)
	}
	c.send(frame(0xC1, hello))
	c.expectClose(1002)
}

// RFC 7692 section 7.1.2.1: nothing refers back further than the client's window,
// so what is longer goes out as it is.
func TestServerWindow(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *transport.Settings) { s.Compression = true }, nil)
	for bits := 8; bits <= 15; bits++ {
		c := s.dial(t, fmt.Sprintf("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=%d\r\n", bits), "")
		for _, n := range []int{1 << bits, 1<<bits + 1} {
			want := byte(0xC1)
			if n > 1<<bits && bits < 15 {
				want = 0x81
			}
			text := strings.Repeat("window ", n/7+1)[:n]
			c.send(frame(0x81, text))
			if first, p := c.next(); first != want || (first == 0x81 && p != text) {
				t.Errorf("%d bits, %d bytes: frame %#x of %d bytes, want %#x", bits, n, first, len(p), want)
			} else if first == 0xC1 && inflated(t, p) != text {
				t.Errorf("%d bits, %d bytes: inflated to something else", bits, n)
			}
		}
	}
}

// inflated is a message's payload as RFC 7692 section 7.2.2 reads it.
func inflated(t *testing.T, p string) string {
	t.Helper()
	b, err := io.ReadAll(flate.NewReader(strings.NewReader(p + "\x00\x00\xff\xff\x01\x00\x00\xff\xff")))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
