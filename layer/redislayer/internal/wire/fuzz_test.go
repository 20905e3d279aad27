package wire_test

import (
	"encoding/hex"
	"testing"
	"time"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer/internal/vectors"
	"github.com/gochannels/channels/layer/redislayer/internal/wire"
)

// fuzzDecode checks that what Decode takes comes out the same after it went through Encode.
func fuzzDecode(f *testing.F, o wire.Options, files ...string) {
	c := newCodec(f, o)
	for _, file := range files {
		for _, p := range vectors.Read[payload](f, file) {
			if p.PayloadHex == nil || len(*p.PayloadHex) > 4096 {
				continue
			}
			b, err := hex.DecodeString(*p.PayloadHex)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, names, err := c.Decode(b, time.Time{})
		if err != nil {
			if !e.IsZero() {
				t.Error("an error comes with a message")
			}
			return
		}
		want, err := e.Message()
		if err != nil {
			t.Fatal(err)
		}
		var channels any
		if names != nil {
			channels = names
		}
		again, err := c.Encode(e, channels)
		if err != nil {
			t.Fatal(err)
		}
		e, gotNames, err := c.Decode(again, time.Time{})
		if err != nil {
			t.Fatalf("%q: %v", again, err)
		}
		got, err := e.Message()
		if err != nil {
			t.Fatal(err)
		}
		if d := diff(layer.Message(want), got); d != "" {
			t.Errorf("message (-want +got):\n%s", d)
		}
		if d := diff(names, gotNames); d != "" {
			t.Errorf("channel names (-want +got):\n%s", d)
		}
	})
}

func FuzzDecodeMsgpack(f *testing.F) {
	fuzzDecode(f, wire.Options{}, "payload_msgpack", "decode_msgpack")
}

func FuzzDecodeJSON(f *testing.F) {
	f.Add([]byte(`{"v": [NaN, 1e999, "\ud800"], "__asgi_channel__": ["a", "b"]}`))
	f.Add([]byte(utf16le(`{"v": "é"}`)))
	f.Add([]byte(utf32be(`{"v": "é"}`)))
	fuzzDecode(f, wire.Options{Format: wire.FormatJSON}, "payload_json", "decode_json")
}

func FuzzDecodeToken(f *testing.F) {
	now := time.Unix(1_800_000_000, 0)
	c := newCodec(f, wire.Options{Keys: []string{"secret", "old"}, TTL: time.Minute})
	for _, v := range vectors.Read[fernetCase](f, "fernet") {
		f.Add([]byte(v.Token))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, _, err := c.Decode(b, now); err != nil && !e.IsZero() {
			t.Error("an error comes with a message")
		}
	})
}
