package layer_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/gochannels/channels/layer"
)

const benchMembers = 10_000

var benchMessage = layer.Message{"type": "chat.message", "data": strings.Repeat("x", 64)}

// BenchmarkGroupSend sends to 10,000 members; the mailboxes are emptied outside the timed part.
func BenchmarkGroupSend(b *testing.B) {
	b.Run("plain", func(b *testing.B) { benchmarkGroupSend(b, func(*layer.Mailbox) {}) })
	b.Run("ready", func(b *testing.B) {
		woken := 0
		benchmarkGroupSend(b, func(box *layer.Mailbox) { box.OnReady(func() { woken++ }) })
	})
	b.Run("divert", func(b *testing.B) {
		taken := 0
		benchmarkGroupSend(b, func(box *layer.Mailbox) {
			box.Divert(func(layer.Envelope) bool { taken++; return true })
		})
	})
}

func benchmarkGroupSend(b *testing.B, prepare func(*layer.Mailbox)) {
	ctx := b.Context()
	l := new(layer.Memory)
	defer l.Close()
	boxes := make([]*layer.Mailbox, benchMembers)
	for i := range boxes {
		box, err := l.NewChannel(ctx)
		if err != nil {
			b.Fatal(err)
		}
		if err := l.GroupAdd(ctx, "everybody", box.Channel()); err != nil {
			b.Fatal(err)
		}
		prepare(box)
		boxes[i] = box
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := l.GroupSend(ctx, "everybody", benchMessage); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		for _, box := range boxes {
			for {
				if _, ok := box.TryReceive(); !ok {
					break
				}
			}
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchMembers, "ns/member")
}

var benchJSON = []byte(`{"type":"echo.message","data":"0123456789012345678901234567890123456789","n":12,"ok":true}`)

func BenchmarkParseJSON(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := layer.ParseJSON(benchJSON); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMessage(b *testing.B) {
	e, err := layer.ParseJSON(benchJSON)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("Message", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := e.Message(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var m map[string]any
			if err := json.Unmarshal(benchJSON, &m); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := layer.Encode(benchMessage); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if dst, err = layer.AppendJSON(dst[:0], benchMessage); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMsgpack(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		e, err := layer.ParseJSON(benchJSON)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := e.Msgpack(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMemo(b *testing.B) {
	e, err := layer.ParseJSON(benchJSON)
	if err != nil {
		b.Fatal(err)
	}
	key := new(int)
	b.ReportAllocs()
	for b.Loop() {
		e.Memo(key, func() any { return key })
	}
}

func BenchmarkNewChannel(b *testing.B) {
	ctx := b.Context()
	l := new(layer.Memory)
	b.ReportAllocs()
	for b.Loop() {
		box, err := l.NewChannel(ctx)
		if err != nil {
			b.Fatal(err)
		}
		if err := l.GroupAdd(ctx, "everybody", box.Channel()); err != nil {
			b.Fatal(err)
		}
		box.Close()
	}
}

func BenchmarkSendReceive(b *testing.B) {
	ctx := b.Context()
	l := new(layer.Memory)
	box, err := l.NewChannel(ctx)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := l.Send(ctx, box.Channel(), benchMessage); err != nil {
			b.Fatal(err)
		}
		if _, ok := box.TryReceive(); !ok {
			b.Fatal("nothing received")
		}
	}
}
