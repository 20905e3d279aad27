package consumer_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
)

type benched struct {
	consumer.Base
	n int
}

func (c *benched) OnEnvelope(_ context.Context, e layer.Envelope) error    { c.n++; return nil }
func (c *benched) OnStruct(_ context.Context, e benchEvent) error          { c.n++; return nil }
func (c *benched) OnMessage(_ context.Context, msg consumer.Message) error { c.n++; return nil }

type benchEvent struct {
	Type string `json:"type"`
	Data string `json:"data"`
}

func benchEnvelope(b testing.TB, typ string) layer.Envelope {
	e, err := layer.Encode(consumer.Message{"type": typ, "data": "a message of the usual length, as a chat has it; so be it"})
	if err != nil {
		b.Fatal(err)
	}
	return e
}

// What a message costs from its arrival in the turn to the handler's return.
func BenchmarkDispatch(b *testing.B) {
	for _, typ := range []string{"on.envelope", "on.struct", "on.message"} {
		b.Run(typ, func(b *testing.B) {
			dispatch, err := consumer.Dispatcher(new(benched))
			if err != nil {
				b.Fatal(err)
			}
			e := benchEnvelope(b, typ)
			e.JSON()
			b.ReportAllocs()
			for b.Loop() {
				dispatch(e)
			}
		})
	}
	b.Run("floor encoding json", func(b *testing.B) {
		e := benchEnvelope(b, "on.struct")
		text, _ := e.JSON()
		b.ReportAllocs()
		for b.Loop() {
			v := new(benchEvent)
			if err := json.Unmarshal(text, v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func TestEnvelopeDispatchDoesNotAllocate(t *testing.T) {
	dispatch, err := consumer.Dispatcher(new(benched))
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range []string{"on.envelope", "on_envelope"} {
		e := benchEnvelope(t, typ)
		if n := testing.AllocsPerRun(1000, func() { dispatch(e) }); n != 0 {
			t.Errorf("%s: %v allocations", typ, n)
		}
	}
}

func BenchmarkNewHandler(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := consumer.NewHandler(NewTaxi, nil); err != nil {
			b.Fatal(err)
		}
	}
}
