package interop_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gochannels/channels/consumer"
)

// offers are the ways to ask for compression, RFC 7692 section 7.1, and the answers.
var offers = []struct {
	name   string
	client conversation
	answer string // what the handshake's must hold; "": there must be none
}{
	{"plain", conversation{Path: "/plain"}, ""},
	{"not offered", conversation{Path: "/echo"}, ""},
	{"not agreed to", conversation{Path: "/plain", Deflate: true}, ""},
	{"deflate", conversation{Path: "/echo", Deflate: true}, "permessage-deflate"},
	{"no takeover", conversation{Path: "/echo", Deflate: true, NoTakeover: true}, "permessage-deflate"},
	{"server's window 9", conversation{Path: "/echo", Deflate: true, ServerBits: 9}, "server_max_window_bits=9"},
	{"server's window 15", conversation{Path: "/echo", Deflate: true, ServerBits: 15}, "server_max_window_bits=15"},
	{"client's window 9", conversation{Path: "/echo", Deflate: true, ClientBits: 9}, "permessage-deflate"},
	{"both windows 10", conversation{Path: "/echo", Deflate: true, ServerBits: 10, ClientBits: 10}, "server_max_window_bits=10"},
}

// sizes are at both sides of where a frame's length takes another form, RFC 6455
// section 5.2, of what is compressed, and of windows.
var sizes = []int{0, 1, 125, 126, 127, 128, 129, 511, 512, 513, 65535, 65536, 65537, 300_000}

func conversations() (all []*conversation) {
	for _, o := range offers {
		c := o.client
		c.Name, c.answer = o.name, o.answer
		for _, n := range sizes {
			c.Steps = append(c.Steps, step{Do: "text", Size: n}, step{Do: "next"}, step{Do: "binary", Size: n}, step{Do: "next"})
			c.want = append(c.want, message("text", text(n)), message("binary", noise(n)))
		}
		c.Steps = append(c.Steps,
			step{Do: "ping", Data: ptr("")}, step{Do: "ping", Data: ptr(strings.Repeat("p", 125))},
			step{Do: "fragments", Parts: []string{"one ", "two ", "€"}}, step{Do: "next"},
			step{Do: "fragments", Parts: []string{text(70000), text(3), text(300)}, Binary: true}, step{Do: "next"},
			step{Do: "close", Code: 1000, Reason: "thank you"})
		c.want = append(c.want,
			event{"pong", ""}, event{"pong", strings.Repeat("p", 125)},
			event{"pong", "after 0"}, event{"pong", "after 1"}, message("text", "one two €"),
			event{"pong", "after 0"}, event{"pong", "after 1"}, message("binary", text(70000)+text(3)+text(300)),
			event{"closed", 1000, ""})
		c.told = 1000
		all = append(all, &c)
	}
	for _, path := range []string{"/plain", "/echo"} {
		all = append(all, closings(path)...)
	}
	return append(all, limits()...)
}

// closings are close codes both ways, RFC 6455 sections 5.5.1 and 7.4.
func closings(path string) (all []*conversation) {
	c := conversation{Path: path}
	if path == "/echo" {
		c.Deflate, c.answer = true, "permessage-deflate"
	}
	add := func(name string, told int, last event, steps ...step) {
		one := c
		one.Name, one.Steps, one.want, one.told = fmt.Sprint(c.Path, " ", name), steps, []event{last}, told
		all = append(all, &one)
	}
	next := step{Do: "next"}
	for _, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999} {
		add(fmt.Sprint("the client closes with ", code), code, event{"closed", code, ""}, step{Do: "close", Code: code, Reason: "tschüß"})
		add(fmt.Sprint("the server closes with ", code), code, event{"closed", code, "tschüß"}, step{Do: "text", Data: ptr(fmt.Sprintf("close %d tschüß", code))}, next)
	}
	long := strings.Repeat("€", 50)
	add("the server's reason is cut", 4000, event{"closed", 4000, long[:123]}, step{Do: "text", Data: ptr("close 4000 " + long)}, next)
	add("text that is not UTF-8", 1007, event{"closed", 1007, ""}, step{Do: "text", Data: ptr("61ff62"), Hex: true}, next)
	add("gone without a word", 1006, event{"pong", "x"}, step{Do: "ping", Data: ptr("x")})
	return all
}

// limits are what is too long for one side, and silence.
func limits() []*conversation {
	next := step{Do: "next"}
	echo := message("text", text(65536))
	return []*conversation{
		{
			Name: "the server's limit", Path: "/limit", Steps: []step{{Do: "text", Size: 65536}, next, {Do: "text", Size: 65537}, next},
			want: []event{echo, {"closed", 1009, ""}}, told: 1009,
		},
		{
			answer: "permessage-deflate", Name: "the server's limit after inflation", Path: "/limit", Deflate: true, Steps: []step{{Do: "text", Size: 65536}, next, {Do: "text", Size: 65537}, next},
			want: []event{echo, {"closed", 1009, ""}}, told: 1009,
		},
		{
			Name: "the client's limit", Path: "/plain", MaxSize: 65536, Steps: []step{{Do: "text", Data: ptr("send 65536")}, next, {Do: "text", Data: ptr("send 65537")}, next},
			want: []event{echo, {"closed", 1006, ""}}, told: 1009,
		},
		{
			answer: "permessage-deflate", Name: "the client's limit after inflation", Path: "/echo", Deflate: true, MaxSize: 65536, Steps: []step{{Do: "text", Data: ptr("send 65536")}, next, {Do: "text", Data: ptr("send 65537")}, next},
			want: []event{echo, {"closed", 1006, ""}}, told: 1009,
		},
		{
			Name: "pings are answered", Path: "/ping", Steps: []step{{Do: "wait", MS: 300}, {Do: "text", Data: ptr("still there")}, next, {Do: "close", Code: 1000}},
			want: []event{message("text", "still there"), {"closed", 1000, ""}}, told: 1000,
		},
	}
}

func ptr(s string) *string { return &s }

// Clients of all kinds in one group, who agreed to different things, read the same, each
// in the form that was agreed on: what is relayed is compressed once for all.
func TestRoom(t *testing.T) {
	t.Parallel()
	s := serve(t)
	said := []string{"short", text(500), text(40000), noise(100), text(200000)}
	said[3] = strings.ToValidUTF8(said[3], "?")
	var all []*conversation
	for i, o := range offers {
		c := o.client
		c.Path = fmt.Sprint("/room?", i)
		for _, m := range said {
			c.Steps = append(c.Steps, step{Do: "next"})
			c.want = append(c.want, message("text", m))
		}
		all = append(all, &c)
	}
	done := make(chan struct{}, len(clients))
	for _, c := range clients {
		go func() {
			defer func() { done <- struct{}{} }()
			for i, events := range c.run(t, s.URL, all) {
				if got, want := normal(events[1:]), normal(all[i].want); fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%s, %s: saw %v, want %v", c.name, offers[i].name, got, want)
				}
			}
		}()
	}
	s.full(t, int64(len(clients)*len(all)))
	for _, m := range said {
		if err := s.l.GroupSend(t.Context(), "room", consumer.Message{"type": "chat.message", "text": m}); err != nil {
			t.Error(err)
		}
	}
	for range clients {
		<-done
	}
}
