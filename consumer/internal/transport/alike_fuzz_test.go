package transport_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gochannels/channels/consumer/internal/transport"
)

// script makes frames of what the fuzzer says, most of them right and some of
// them wrong in every way there is.
func script(b []byte) (stream []byte) {
	take := func(n int) []byte {
		n = min(n, len(b))
		p := b[:n]
		b = b[n:]
		return p
	}
	usual := []byte{0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x88, 0x89, 0x8A, 0xC1, 0xC2, 0x41, 0x42}
	for len(b) > 1 {
		first, n := b[0], int(b[1])
		b = b[2:]
		if first < 0xE0 {
			first = usual[int(first)%len(usual)]
		}
		payload := string(take(n % 200))
		switch {
		case n >= 230: // around the limit
			payload = strings.Repeat(payload+"x", alikeLimit/(len(payload)+1)) + payload[:min(n-230, len(payload))]
		case n >= 200:
			payload = strings.Repeat(payload+"é", n-199)
		}
		if first&rsv1 != 0 && n%2 == 0 {
			payload = deflated(payload)
		}
		if first == 0x88 && n%4 > 0 {
			payload = closePayload(1000+n*n, payload[:min(len(payload), 100+n%27)])
		}
		f := frame(first, payload)
		switch fault := take(1); {
		case len(fault) == 0:
		case fault[0] == 1:
			f[1] &^= 0x80
		case fault[0] == 2 && len(payload) < 126:
			f = append([]byte{first, 0xFE, 0, byte(len(payload))}, f[2:]...)
		case fault[0] == 3:
			f = f[:len(f)/2]
		}
		stream = append(stream, f...)
	}
	return stream
}

func deflated(p string) string {
	var buf bytes.Buffer
	w, _ := flate.NewWriter(&buf, flate.BestSpeed)
	w.Write([]byte(p))
	w.Flush()
	return strings.TrimSuffix(buf.String(), "\x00\x00\xff\xff")
}

// Whatever a client sends, this package and the library's server make the same
// of it, but for the differences that alike lists.
func FuzzReadAlike(f *testing.F) {
	for i := range 40 {
		f.Add([]byte{byte(i), 5, 'h', 'e', 'l', 'l', 'o', 0, byte(i * 7), 210, 'x', 0, 6, 7, 1}, []byte{}, i%2 == 0)
	}
	for _, test := range texts {
		f.Add([]byte{}, frame(0x81, test.text), false)
		f.Add([]byte{}, bytes.Join(fragments(0x01, test.text), frame(0x89, test.text)), true)
		f.Add([]byte{}, frame(0x88, closePayload(1000, test.text)), false)
	}
	for _, s := range []string{hello, "\xf3\x48\xcd\xc9\xc9\x07\x00" + hello, "\x00", "", "\xff\xff", hello[:3], bomb(alikeLimit), bomb(alikeLimit + 1)} {
		f.Add([]byte{}, frame(0xC1, s), true)
		f.Add([]byte{}, append(frame(0x42, s), frame(0x80, s)...), true)
	}
	for _, s := range []string{"\x81\xfe\x00\x01", "\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff", "\x82\xff\x00\x00\x00\x00\x00\x00\x0f\xa1", "\x81\x00", "\x83\x80", "\x09\x80"} {
		f.Add([]byte{}, []byte(s+"mask"), false)
	}
	f.Add(bytes.Repeat([]byte{7, 0, 0}, 100), []byte{}, false)
	f.Add([]byte{}, append(frame(0x01, "a"), "\x89\x97mask123456789"...), false) // the stream ends within a wrong header
	closing := frame(0x88, closePayload(1000, ""))
	f.Fuzz(func(t *testing.T, frames, bytes []byte, deflate bool) {
		stream := append(append(append(script(frames), bytes...), closing...), closing...)
		if err := alike(ours(stream, deflate), theirs(t, stream, deflate), deflate); err != nil {
			t.Errorf("%v\nthe stream: %x", err, stream)
		}
	})
}

// Whatever is sent, the library's client reads the same messages, in order, and
// the close frame behind them.
func FuzzWriteAlike(f *testing.F) {
	f.Add([]byte("\x00\x05hello\x01\x03\xff\xfe\xfd\x02\x00\x03\x00"), 4000, "bye", false)
	f.Add([]byte("\x04\x64compress me\x05\xc8compress me too\x08\xffand me"), 1000, strings.Repeat("€", 60), true)
	f.Add([]byte{}, transport.CodeNormal, "\xff\xfe", true)
	f.Fuzz(func(t *testing.T, b []byte, code int, reason string, deflate bool) {
		if transport.CheckCode(code) != nil {
			code = 3000 + code&0x3FF
		}
		settings := &transport.Settings{
			ReadLimit: 1, QueueBytes: 64 << 20, WriteTimeout: time.Minute, CloseTimeout: time.Minute,
			Flushers: transport.NewFlushers(), Dropped: new(atomic.Int64),
		}
		peer := newTape()
		conn := transport.NewConn(peer, nil, deflate, settings, make(ends, 10))
		var sent []string
		for len(b) > 1 {
			how, n := b[0], int(b[1])
			text := string(b[2:min(len(b), 2+n%100)])
			b = b[2+len(text):]
			switch {
			case n >= 250: // more than one write of it
				text = strings.Repeat(text+"x", n*10)
			case n >= 100:
				text = strings.Repeat(text+"x", n)
			}
			text = strings.ToValidUTF8(text, "?")
			binary := how&1 != 0
			frame := transport.NewFrame(binary, []byte(text))
			if how&2 != 0 {
				frame, _ = transport.BuildOnce(binary, func(b []byte) ([]byte, error) { return append(b, text...), nil })
			}
			if err := conn.Send(frame, how&4 != 0); err != nil {
				t.Fatal(err)
			}
			if how&8 != 0 {
				conn.Ping()
			}
			sent = append(sent, kind(binary)+text)
		}
		conn.Close(code, reason)
		<-peer.end
		got := client(t, []byte(peer.written()), deflate)
		if got.code != code || got.reason != transport.CutReason(reason) || got.err != nil || !utf8.ValidString(got.reason) {
			t.Errorf("ended with %d %q %v, want %d %q", got.code, got.reason, got.err, code, reason)
		}
		if fmt.Sprintf("%q", got.messages) != fmt.Sprintf("%q", sent) {
			t.Errorf("read %.200q, want %.200q", got.messages, sent)
		}
	})
}
