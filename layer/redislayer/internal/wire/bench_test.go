package wire_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer/internal/wire"
)

// benchMessage is an update of a trip, of some 200 bytes.
func benchMessage(b *testing.B) layer.Envelope {
	e, err := layer.Encode(layer.Message{
		"type": "trip.update", "id": 12345, "status": "STARTED", "driver": "Zoë", "fare": 12.5,
		"text": strings.Repeat("x", 100), "stops": []any{"a", "b", map[string]any{"lat": 52.5, "lon": 13.4}},
	})
	if err != nil {
		b.Fatal(err)
	}
	return e
}

var benchOptions = []struct {
	name     string
	o        wire.Options
	channels any
}{
	{"pubsub/msgpack", wire.Options{}, nil},
	{"pubsub/json", wire.Options{Format: wire.FormatJSON}, nil},
	{"pubsub/msgpack/encrypted", wire.Options{Keys: []string{"k"}}, nil},
	{"core/msgpack/name", wire.Options{RandomPrefix: 12}, benchName},
	{"core/msgpack/100names", wire.Options{RandomPrefix: 12}, benchNames(100)},
	{"core/json/name", wire.Options{RandomPrefix: 12, Format: wire.FormatJSON}, benchName},
	{"core/json/encrypted/name", wire.Options{RandomPrefix: 12, Format: wire.FormatJSON, Keys: []string{"k"}}, benchName},
}

const benchName = "specific.0123456789abcdef0123456789abcdef!0123456789abcdef0123456789abcdef"

func benchNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("specific.0123456789abcdef0123456789abcdef!%032x", i)
	}
	return names
}

func BenchmarkEncode(b *testing.B) {
	for _, o := range benchOptions {
		b.Run(o.name, func(b *testing.B) {
			c, e := newCodec(b, o.o), benchMessage(b)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Encode(e, o.channels); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, o := range benchOptions {
		b.Run(o.name, func(b *testing.B) {
			c := newCodec(b, o.o)
			payload, err := c.Encode(benchMessage(b), o.channels)
			if err != nil {
				b.Fatal(err)
			}
			now := time.Now()
			b.ReportAllocs()
			b.SetBytes(int64(len(payload)))
			for b.Loop() {
				if _, _, err := c.Decode(payload, now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
