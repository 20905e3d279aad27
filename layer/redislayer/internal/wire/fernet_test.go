package wire_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer/internal/vectors"
	"github.com/gochannels/channels/layer/redislayer/internal/wire"
)

type fernetCase struct {
	Name          string
	Serializer    wire.Format
	Key           string
	KeyIndex      int `json:"key_index"`
	Time, Now     int64
	IVHex         string `json:"iv_hex"`
	Message       *vectors.Value
	Token         string
	TokenSHA256   string `json:"token_sha256"`
	CoreMemberHex string `json:"core_member_hex"`
	Layer         string
	Expiry        int
	Decoded       *vectors.Value
	Error         *string
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// latin1 is text that was bytes before JSON took it.
func latin1(s string) []byte {
	var b []byte
	for _, r := range s {
		b = append(b, byte(r))
	}
	return b
}

func TestTokensArePythons(t *testing.T) {
	t.Parallel()
	cases := vectors.Read[fernetCase](t, "fernet")
	keys := keysOf(cases)
	for _, f := range cases {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			if strings.HasPrefix(f.Name, "decrypt:") {
				testDecrypt(t, f, keys)
				return
			}
			m, _, ok := f.Message.Message()
			if !ok {
				t.Fatal("no message")
			}
			iv, at := unhex(t, f.IVHex), time.Unix(f.Time, 0)
			o := wire.Options{
				Format: f.Serializer, Keys: []string{f.Key},
				Random: bytes.NewReader(iv), Now: func() time.Time { return at },
			}
			got, err := newCodec(t, o).Encode(envelopeOf(t, m), nil)
			if err != nil {
				t.Fatal(err)
			}
			if !f.Message.Sorted { // we write the keys in another order
				checkDecoded(t, newCodec(t, wire.Options{Format: f.Serializer, Keys: keys}), []byte(f.Token), time.Time{}, m)
				return
			}
			if f.Token != "" && string(got) != f.Token {
				t.Errorf("token\n got %s\nwant %s", got, f.Token)
			}
			if sum := sha256.Sum256(got); f.TokenSHA256 != "" && hex.EncodeToString(sum[:]) != f.TokenSHA256 {
				t.Errorf("token of SHA-256 %x, want %s", sum, f.TokenSHA256)
			}
			checkDecoded(t, newCodec(t, wire.Options{Format: f.Serializer, Keys: keys}), got, time.Time{}, m)
			if f.CoreMemberHex == "" {
				return
			}
			member := unhex(t, f.CoreMemberHex)
			prefix := bytes.TrimSuffix(member, []byte(f.Token))
			o.RandomPrefix = len(prefix)
			o.Random = io.MultiReader(bytes.NewReader(iv), bytes.NewReader(prefix))
			core := newCodec(t, o)
			if got, err = core.Encode(envelopeOf(t, m), nil); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(member, got) {
				t.Errorf("member\n got %q\nwant %q", got, member)
			}
			checkDecoded(t, core, got, time.Time{}, m)
		})
	}
}

// keysOf returns the encryption keys of the vectors in their order, which those of tokens to be opened do not name.
func keysOf(cases []fernetCase) []string {
	var keys []string
	for _, f := range cases {
		for len(keys) <= f.KeyIndex && f.Key != "" {
			keys = append(keys, "")
		}
		if f.Key != "" {
			keys[f.KeyIndex] = f.Key
		}
	}
	return keys
}

func testDecrypt(t *testing.T, f fernetCase, keys []string) {
	o, token := wire.Options{Keys: keys}, latin1(f.Token)
	if f.Layer == "core" {
		o.TTL = time.Duration(f.Expiry+10) * time.Second
		o.RandomPrefix = 12
		token = append([]byte("twelve bytes"), token...)
	}
	c := newCodec(t, o)
	if f.Error != nil {
		if _, _, err := c.Decode(token, time.Unix(f.Now, 0)); err == nil {
			t.Error("Decode takes what Python refuses")
		}
		return
	}
	m, _, ok := f.Decoded.Message()
	if !ok {
		t.Fatal("no message")
	}
	checkDecoded(t, c, token, time.Unix(f.Now, 0), m)
}

func checkDecoded(t *testing.T, c *wire.Codec, b []byte, now time.Time, want map[string]any) {
	t.Helper()
	e, _, err := c.Decode(b, now)
	if err != nil {
		t.Fatal(err)
	}
	got, err := e.Message()
	if err != nil {
		t.Fatal(err)
	}
	if d := diff(layer.Message(want), got); d != "" {
		t.Errorf("message (-want +got):\n%s", d)
	}
}

func TestPlaintextIsTakenOnlyIfAsked(t *testing.T) {
	t.Parallel()
	for _, format := range []wire.Format{wire.FormatMsgpack, wire.FormatJSON} {
		want := map[string]any{"type": "t"}
		plain, err := newCodec(t, wire.Options{Format: format}).Encode(envelopeOf(t, want), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := newCodec(t, wire.Options{Format: format, Keys: []string{"k"}}).Decode(plain, time.Time{}); err == nil {
			t.Errorf("%s: plaintext is taken", format)
		}
		lax := newCodec(t, wire.Options{Format: format, Keys: []string{"k"}, AcceptPlaintext: true})
		checkDecoded(t, lax, plain, time.Time{}, want)
		token, err := lax.Encode(envelopeOf(t, want), nil)
		if err != nil {
			t.Fatal(err)
		}
		checkDecoded(t, lax, token, time.Time{}, want)
		token[len(token)/2] ^= 1
		if _, _, err := lax.Decode(token, time.Time{}); err == nil {
			t.Errorf("%s: a forged token is taken", format)
		}
		if _, _, err := newCodec(t, wire.Options{Format: format}).Decode(token, time.Time{}); err == nil || !strings.Contains(err.Error(), "encrypted") {
			t.Errorf("%s: a token without keys: %v", format, err)
		}
	}
}

func TestEncodeFailsWithoutRandomness(t *testing.T) {
	t.Parallel()
	fault := errors.New("none")
	for _, o := range []wire.Options{{RandomPrefix: 12}, {RandomPrefix: 12, Format: wire.FormatJSON}, {Keys: []string{"k"}}} {
		o.Random = io.MultiReader(readerFunc(func([]byte) (int, error) { return 0, fault }))
		if _, err := newCodec(t, o).Encode(envelopeOf(t, map[string]any{"type": "t"}), nil); !errors.Is(err, fault) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }
