package layer_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gochannels/channels/layer"
)

func TestEnvelopeKeepsClientJSON(t *testing.T) {
	t.Parallel()
	const frame = ` { "type" : "echo.message", "n" : 1.0 } `
	e, err := layer.ParseJSON([]byte(frame))
	if err != nil {
		t.Fatal(err)
	}
	b, err := e.JSON()
	if err != nil || string(b) != frame {
		t.Errorf("JSON() = %q, %v, want the frame", b, err)
	}
	if e.Type() != "echo.message" || e.Size() != len(frame) || e.IsZero() {
		t.Errorf("type %q, size %d, zero %v", e.Type(), e.Size(), e.IsZero())
	}
	marshalled, err := json.Marshal(map[string]any{"e": e})
	if err != nil || string(marshalled) != `{"e":{"type":"echo.message","n":1.0}}` {
		t.Errorf("json.Marshal = %s, %v", marshalled, err)
	}
}

func TestParseJSONErrorsAreMessageErrors(t *testing.T) {
	t.Parallel()
	for _, frame := range []string{
		"", "[]", `{"type":5}`, `{"type":"a","type":"b"}`, `{"TYPE":"a"}`, `{} {}`, `{"a":"` + "\xff" + `"}`, strings.Repeat("[", 1_000_000),
		`{"` + strings.Repeat("k", 1_000_000) + `":tru}`, `{"a":` + strings.Repeat("9", 1_000_000) + `}`,
	} {
		_, err := layer.ParseJSON([]byte(frame))
		var msgErr *layer.MessageError
		if !errors.As(err, &msgErr) || len(err.Error()) > 300 {
			t.Errorf("ParseJSON(%.40q): %.300v", frame, err)
		}
	}
	_, err := layer.ParseMsgpack([]byte{0x81, 0x01, 0x01})
	var msgErr *layer.MessageError
	if !errors.As(err, &msgErr) {
		t.Errorf("ParseMsgpack: %v", err)
	}
}

func TestTypeMayBeAbsentInParsedMessages(t *testing.T) {
	t.Parallel()
	for _, e := range []struct {
		layer.Envelope
		error
	}{pair(layer.ParseJSON([]byte(`{}`))), pair(layer.ParseMsgpack([]byte{0x80}))} {
		if e.error != nil || e.Type() != "" || e.IsZero() {
			t.Errorf("%v, type %q, zero %v", e.error, e.Type(), e.IsZero())
		}
	}
}

func pair(e layer.Envelope, err error) struct {
	layer.Envelope
	error
} {
	return struct {
		layer.Envelope
		error
	}{e, err}
}

func TestBytesInJSONAreBase64(t *testing.T) {
	t.Parallel()
	e := encode(t, layer.Message{"type": "a", "v": []byte("\x00\xff"), "f": 2.0})
	b, err := e.JSON()
	if want := `{"f":2.0,"type":"a","v":"AP8="}`; err != nil || string(b) != want {
		t.Errorf("JSON() = %s, %v, want %s", b, err, want)
	}
	again, err := e.JSON()
	if err != nil || &again[0] != &b[0] {
		t.Errorf("the JSON was made twice; %v", err)
	}
	var v struct{ V []byte }
	if err := e.Decode(&v); err != nil || string(v.V) != "\x00\xff" {
		t.Errorf("Decode: %q, %v", v.V, err)
	}
}

func TestNaNHasNoJSON(t *testing.T) {
	t.Parallel()
	e := encode(t, layer.Message{"type": "a", "v": []any{1, math.NaN()}})
	for _, err := range []error{second(e.JSON()), second(e.JSON()), second(e.MarshalJSON()), e.Decode(new(struct{}))} {
		var msgErr *layer.MessageError
		if !errors.As(err, &msgErr) || err.Error() != "layer: message.v[1]: NaN has no form in JSON" {
			t.Errorf("error: %v", err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestDecode(t *testing.T) {
	t.Parallel()
	e := encode(t, layer.Message{"type": "chat.message", "room": 7, "tags": []string{"a"}})
	var got struct {
		Type string   `json:"type"`
		Room int      `json:"room"`
		Tags []string `json:"tags"`
	}
	if err := e.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got.Type != "chat.message" || got.Room != 7 || len(got.Tags) != 1 {
		t.Errorf("Decode: %+v", got)
	}
	if err := e.Decode(&struct{ Room string }{}); err == nil {
		t.Error("a number decodes into a string")
	}
}

// TestMessageIsTheCallersOwn changes everything in a decoded message, and decodes again.
func TestMessageIsTheCallersOwn(t *testing.T) {
	t.Parallel()
	msg := layer.Message{"type": "a", "l": []any{int64(1)}, "m": map[string]any{"k": "v"}}
	withBytes := layer.Message{"type": "a", "b": []byte("abc")}
	plain, packed := encode(t, msg), encode(t, withBytes)
	msg["l"].([]any)[0] = "changed by the sender"
	withBytes["b"].([]byte)[0] = 'X'

	first, _ := plain.Message()
	first["l"].([]any)[0], first["m"].(map[string]any)["k"], first["type"] = 2, 3, 4
	want := layer.Message{"type": "a", "l": []any{int64(1)}, "m": map[string]any{"k": "v"}}
	checkMessage(t, "after changes", plain, want)

	first, _ = packed.Message()
	first["b"].([]byte)[0] = 'Y'
	checkMessage(t, "after changes", packed, layer.Message{"type": "a", "b": []byte("abc")})
}

func TestZeroEnvelope(t *testing.T) {
	t.Parallel()
	var e layer.Envelope
	if !e.IsZero() || e.Type() != "" || e.Size() != 0 {
		t.Errorf("zero %v, type %q, size %d", e.IsZero(), e.Type(), e.Size())
	}
	for _, err := range []error{second(e.JSON()), second(e.Msgpack()), second(e.Message()), e.Decode(new(int)), second(e.MarshalJSON())} {
		var msgErr *layer.MessageError
		if !errors.As(err, &msgErr) {
			t.Errorf("error: %v", err)
		}
	}
	if got := e.Memo("k", func() any { return 1 }); got != 1 {
		t.Errorf("Memo = %v", got)
	}
}

func TestMemoBuildsOnce(t *testing.T) {
	t.Parallel()
	type key struct{ level int }
	e := encode(t, text("x"))
	var built [3]atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range built {
				got := e.Memo(key{i}, func() any {
					built[i].Add(1)
					return new(i * 10)
				})
				if n := *got.(*int); n != i*10 {
					t.Errorf("Memo(%d) = %d", i, n)
				}
			}
		})
	}
	wg.Wait()
	for i := range built {
		if n := built[i].Load(); n != 1 {
			t.Errorf("key %d was built %d times", i, n)
		}
	}
}

func TestMemoHitAllocatesNothing(t *testing.T) { // not parallel: AllocsPerRun
	e := encode(t, text("x"))
	key, value := new(int), 7
	hit := func() {
		if e.Memo(key, func() any { return &value }) != &value {
			t.Error("Memo forgot")
		}
	}
	hit()
	if n := testing.AllocsPerRun(100, hit); n != 0 {
		t.Errorf("a hit allocates %v times", n)
	}
}

func TestParseJSONAllocatesTheResultOnly(t *testing.T) { // not parallel: AllocsPerRun
	frame := []byte(`{"type":"echo.message","data":{"a":[1,2.5,"x"],"b":null}}`)
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := layer.ParseJSON(frame); err != nil {
			t.Error(err)
		}
	}); n > 1 && !raceEnabled {
		t.Errorf("ParseJSON allocates %v times", n)
	}
}

func FuzzParseJSON(f *testing.F) {
	for _, s := range []string{`{}`, `{"type":"a.b","v":[1,1.0]}`, `{"Type":1}`, `{"type":"a","type":"b"}`, `[`, `{"a":"\ud800"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := layer.ParseJSON(b)
		if err != nil {
			return
		}
		msg, err := e.Message()
		if err != nil {
			t.Fatal(err)
		}
		if msg.Type() != e.Type() {
			t.Fatalf("type %q, in the message %q", e.Type(), msg.Type())
		}
		again, err := layer.Encode(msg)
		if err != nil {
			return // without a type, or with one that is not sent
		}
		checkMessage(t, "encoded again", again, msg)
	})
}

func FuzzParseMsgpack(f *testing.F) {
	f.Add([]byte("\x81\xa4type\xa1a"))
	f.Add([]byte("\x82\xa4type\xa1a\xa1v\xc4\x01x"))
	f.Add([]byte("\x81\xa1v\xca\x7f\xc0\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := layer.ParseMsgpack(b)
		if err != nil {
			return
		}
		msg, err := e.Message()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := layer.Encode(msg); err == nil {
			checkMessage(t, "encoded again", again, msg)
		}
		if j, err := e.JSON(); err == nil {
			if !json.Valid(j) {
				t.Fatalf("JSON() = %q", j)
			}
		}
	})
}
