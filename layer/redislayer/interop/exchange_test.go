package interop_test

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer/internal/wire"
)

// exchanged is a message that the Python side has made up.
type exchanged struct {
	Backend string
	Format  wire.Format
	Keys    []string
	Message json.RawMessage
	Payload string
}

// TestRandomValues has each version of channels_redis make up messages. Its payloads mean the same in Go, and what Go makes
// of the messages means the same there.
func TestRandomValues(t *testing.T) {
	t.Parallel()
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			seed := fmt.Sprint(rand.IntN(1 << 30))
			cmd := command(nil, python(t, version), "vectors.py", "exchange", seed, "60")
			var log lockedBuffer
			cmd.Stderr = &log
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				kill(cmd)
				if t.Failed() {
					t.Logf("with the seed %s Python said:\n%s", seed, log.String())
				}
			})
			lines := bufio.NewReader(out)
			var cases []exchanged
			readLine(t, lines, &cases)
			var payloads []string
			for i, c := range cases {
				payloads = append(payloads, c.answer(t, i))
			}
			line, err := json.Marshal(payloads)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := in.Write(append(line, '\n')); err != nil {
				t.Fatal(err)
			}
			var faults []string
			readLine(t, lines, &faults)
			for _, f := range faults {
				t.Errorf("Python takes Go's payload of message %.1000s", f)
			}
			if want := map[bool]int{true: 8, false: 3}[version == latest] * 60; len(cases) != want {
				t.Errorf("%d messages, want %d", len(cases), want)
			}
		})
	}
}

func readLine(t *testing.T, lines *bufio.Reader, v any) {
	t.Helper()
	line, err := lines.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, v)
	}
	if err != nil {
		t.Fatalf("%v: %.300q", err, line)
	}
}

// answer checks what Go makes of Python's payload, and returns Go's own for the same message.
func (c *exchanged) answer(t *testing.T, i int) string {
	t.Helper()
	o := wire.Options{Format: c.Format, Keys: c.Keys}
	if c.Backend == core.name {
		o.RandomPrefix, o.TTL = 12, 70*time.Second
	}
	codec, err := wire.New(o)
	if err != nil {
		t.Fatal(err)
	}
	value, err := unpack(c.Message)
	if err != nil {
		t.Fatal(err)
	}
	want := value.(map[string]any)
	names := want["__asgi_channel__"]
	delete(want, "__asgi_channel__")
	payload, err := hex.DecodeString(c.Payload)
	if err != nil {
		t.Fatal(err)
	}
	e, channels, err := codec.Decode(payload, time.Now())
	if err != nil {
		t.Fatalf("message %d, %s: %v", i, c.Message, err)
	}
	got, err := e.Message()
	if err != nil || !same(map[string]any(got), want) {
		t.Errorf("message %d: got %.1000q, want %.1000q: %v", i, got, want, err)
	}
	text, single := names.(string)
	if list, ok := names.([]any); ok || single {
		all := []string{text}
		if ok {
			all = all[:0]
			for _, name := range list {
				all = append(all, name.(string))
			}
		}
		if fmt.Sprint(channels) != fmt.Sprint(all) {
			t.Errorf("message %d is for %q, want %q", i, channels, all)
		}
		if names = any(all); single {
			names = text
		}
	} else if len(channels) > 0 {
		t.Errorf("message %d is for %q, want nobody in particular", i, channels)
	}
	if made, err := layer.Encode(want); err == nil { // a few are understood and not sent
		e = made
	}
	b, err := codec.Encode(e, names)
	if err != nil {
		t.Fatalf("message %d: %v", i, err)
	}
	return hex.EncodeToString(b)
}
