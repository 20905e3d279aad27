package wire_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/internal/codec"
	"github.com/gochannels/channels/layer/redislayer/internal/vectors"
	"github.com/gochannels/channels/layer/redislayer/internal/wire"
)

// payload is a case of the payload and decode files.
type payload struct {
	Name          string
	Message       *vectors.Value
	PayloadHex    *string `json:"payload_hex"`
	PayloadLen    int     `json:"payload_len"`
	PayloadSHA256 string  `json:"payload_sha256"`
	Decoded       *vectors.Value
	EncodeError   *struct{ Type string } `json:"encode_error"`
	DecodeError   *struct{ Type string } `json:"decode_error"`
	Error         *struct{ Type string }
}

// bytes returns the payload; if it is only described, what Go makes of the message, once that fits the description.
func (p *payload) bytes(t *testing.T, c *wire.Codec) []byte {
	t.Helper()
	if p.PayloadHex != nil {
		b, err := hex.DecodeString(*p.PayloadHex)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	m, _, ok := p.Message.Message()
	if !ok {
		t.Fatal("the message is generated in a way unknown here")
	}
	b, err := c.Encode(envelopeOf(t, m), nil)
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(b); len(b) != p.PayloadLen || hex.EncodeToString(sum[:]) != p.PayloadSHA256 {
		t.Fatalf("it has %d bytes of SHA-256 %x, want %d and %s", len(b), sum, p.PayloadLen, p.PayloadSHA256)
	}
	return b
}

func newCodec(t testing.TB, o wire.Options) *wire.Codec {
	t.Helper()
	c, err := wire.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// envelopeOf makes an envelope even of messages without a type, which layer.Encode refuses.
func envelopeOf(t testing.TB, m map[string]any) layer.Envelope {
	t.Helper()
	b, fault := codec.AppendMsgpack(nil, m)
	if fault != nil {
		t.Fatalf("message%s: %s", fault.Path, fault.Problem)
	}
	e, err := layer.ParseMsgpack(b)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func diff(want, got any) string {
	if reflect.DeepEqual(want, got) { // which is much faster with long lists
		return ""
	}
	return cmp.Diff(want, got, cmpopts.EquateNaNs(), cmp.Comparer(func(a, b layer.Message) bool {
		return cmp.Equal(map[string]any(a), map[string]any(b), cmpopts.EquateNaNs())
	}))
}

func TestDecodeTakesWhatPythonTakes(t *testing.T) {
	t.Parallel()
	for file, format := range map[string]wire.Format{
		"payload_msgpack": wire.FormatMsgpack, "decode_msgpack": wire.FormatMsgpack,
		"payload_json": wire.FormatJSON, "decode_json": wire.FormatJSON,
	} {
		for _, p := range vectors.Read[payload](t, file) {
			t.Run(file+"/"+p.Name, func(t *testing.T) {
				t.Parallel()
				if p.EncodeError != nil {
					return
				}
				c := newCodec(t, wire.Options{Format: format})
				b := p.bytes(t, c)
				e, names, err := c.Decode(bytes.Clone(b), time.Time{})
				if p.Error != nil || p.DecodeError != nil {
					if err == nil {
						t.Error("Decode takes what Python refuses")
					}
					return
				}
				want := p.Message
				if p.Decoded != nil {
					want = p.Decoded
				}
				m, wantNames, ok := want.Message()
				if !ok {
					if err == nil {
						t.Error("Decode takes what no Go consumer can use")
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				got, err := e.Message()
				if err != nil {
					t.Fatal(err)
				}
				if d := diff(layer.Message(m), got); d != "" {
					t.Errorf("message (-want +got):\n%s", d)
				}
				if d := diff(wantNames, names); d != "" {
					t.Errorf("channel names (-want +got):\n%s", d)
				}
			})
		}
	}
}

func TestEncodeWritesWhatPythonWrites(t *testing.T) {
	t.Parallel()
	for file, format := range map[string]wire.Format{"payload_msgpack": wire.FormatMsgpack, "payload_json": wire.FormatJSON} {
		for _, p := range vectors.Read[payload](t, file) {
			t.Run(file+"/"+p.Name, func(t *testing.T) {
				t.Parallel()
				m, _, ok := p.Message.Message()
				if !ok || !p.Message.Exact {
					return // no Go message is like this
				}
				c := newCodec(t, wire.Options{Format: format})
				got, err := c.Encode(envelopeOf(t, m), p.Message.Names)
				if p.EncodeError != nil {
					if err == nil {
						t.Error("Encode writes what Python refuses to")
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				want := p.bytes(t, c)
				if p.Message.Sorted && (p.Message.Names == nil || p.Message.Last) {
					if !bytes.Equal(want, got) {
						t.Errorf("payload\n got %q\nwant %q", got, want)
					}
					return
				}
				e, _, err := c.Decode(got, time.Time{})
				if err != nil {
					t.Fatal(err)
				}
				again, err := e.Message()
				if err != nil {
					t.Fatal(err)
				}
				if d := diff(layer.Message(m), again); d != "" {
					t.Errorf("message (-want +got):\n%s", d)
				}
			})
		}
	}
}

// What came from Python goes back to it byte for byte, in strict JSON and in MessagePack whatever the order of its keys.
func TestEncodeKeepsWhatWasDecoded(t *testing.T) {
	t.Parallel()
	for file, format := range map[string]wire.Format{"payload_msgpack": wire.FormatMsgpack, "payload_json": wire.FormatJSON} {
		c := newCodec(t, wire.Options{Format: format})
		n := 0
		for _, p := range vectors.Read[payload](t, file) {
			if p.PayloadHex == nil || p.DecodeError != nil || !p.Message.Exact {
				continue
			}
			if p.Message.Message(); p.Message.Names != nil && !p.Message.Last {
				continue
			}
			b := p.bytes(t, c)
			e, _, err := c.Decode(bytes.Clone(b), time.Time{})
			if err != nil {
				continue // TestDecodeTakesWhatPythonTakes is about this
			}
			if _, err := layer.ParseJSON(b); format == wire.FormatJSON && err != nil && !p.Message.Sorted {
				continue // what is no JSON, NaN say, goes back with its keys sorted
			}
			got, err := c.Encode(e, p.Message.Names)
			if err != nil {
				t.Errorf("%s: %v", p.Name, err)
			}
			if !bytes.Equal(b, got) {
				t.Errorf("%s:\n got %q\nwant %q", p.Name, got, b)
			}
			n++
		}
		if n < 5 {
			t.Errorf("%s: only %d cases", file, n)
		}
	}
}
