package interop_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
)

// peer echoes, and does what a text asks for.
type peer struct {
	consumer.Base
	ends *sync.Map // what Disconnect was told, by the path and query
}

func (p *peer) Receive(ctx context.Context, f consumer.Frame) error {
	words := strings.SplitN(string(f.Data[:min(len(f.Data), 200)]), " ", 3)
	switch {
	case !f.Binary && words[0] == "close":
		code, _ := strconv.Atoi(words[1])
		return p.Close(consumer.StatusCode(code), words[2])
	case !f.Binary && words[0] == "send":
		n, _ := strconv.Atoi(words[1])
		return p.Send(ctx, consumer.TextFrame(text(n)))
	}
	return p.Send(ctx, f)
}

func (p *peer) Disconnect(_ context.Context, code consumer.StatusCode) error {
	told, _ := p.ends.LoadOrStore(p.Scope().URL.RequestURI(), make(chan consumer.StatusCode, 10))
	told.(chan consumer.StatusCode) <- code
	return nil
}

// server serves peers: at /echo with compression, at /plain without it, at /limit with
// the default limits, at /ping with many pings; at /room they are in a group.
type server struct {
	*httptest.Server
	room *consumer.Handler
	l    layer.ChannelLayer
	ends sync.Map
}

func serve(t *testing.T) *server {
	t.Helper()
	s := &server{l: new(layer.Memory)}
	handler := func(o consumer.Options) *consumer.Handler {
		o.Logger = slog.New(slog.DiscardHandler)
		return consumer.MustHandler(func() *peer { return &peer{ends: &s.ends} }, &o)
	}
	s.room = handler(consumer.Options{
		Compression: true, Layer: s.l, Groups: []string{"room"},
		Relay: map[string]consumer.Relay{"chat.message": consumer.RelayText("text")},
	})
	mux := http.NewServeMux()
	handlers := []*consumer.Handler{s.room}
	for path, h := range map[string]*consumer.Handler{
		"/echo":  handler(consumer.Options{Compression: true, ReadLimit: 1 << 20, QueueBytes: 8 << 20}),
		"/plain": handler(consumer.Options{ReadLimit: 1 << 20, QueueBytes: 8 << 20}),
		"/limit": handler(consumer.Options{Compression: true}),
		"/ping":  handler(consumer.Options{PingInterval: 40 * time.Millisecond, PingTimeout: 10 * time.Second}),
	} {
		mux.Handle(path, h)
		handlers = append(handlers, h)
	}
	mux.Handle("/room", s.room)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		consumer.Shutdown(ctx, handlers...)
		s.Close()
	})
	return s
}

// full waits until so many are in the room.
func (s *server) full(t *testing.T, n int64) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); s.room.Stats().Open < n; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d came", s.room.Stats().Open, n)
		}
	}
}

// told returns the code of which Disconnect was told.
func (s *server) told(t *testing.T, path string) int {
	t.Helper()
	c, _ := s.ends.LoadOrStore(path, make(chan consumer.StatusCode, 10))
	select {
	case code := <-c.(chan consumer.StatusCode):
		return int(code)
	case <-time.After(20 * time.Second):
		t.Fatalf("no Disconnect of %s", path)
		return 0
	}
}

// Each client has each conversation. What it sees, and what Disconnect is told, is what
// the RFCs say.
func TestConversations(t *testing.T) {
	t.Parallel()
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t)
			all := conversations()
			for i, conv := range all {
				conv.Path += fmt.Sprint("?", i)
			}
			seen := c.run(t, s.URL, all)
			for i, conv := range all {
				t.Run(conv.Name, func(t *testing.T) {
					got := seen[i]
					if len(got) == 0 || got[0][0] != "open" {
						t.Fatalf("%v", got)
					}
					if answer := fmt.Sprint(got[0][1]); (answer == "") != (conv.answer == "") || !strings.Contains(answer, conv.answer) {
						t.Errorf("answer %q, want %q", answer, conv.answer)
					}
					if diff := cmp.Diff(normal(conv.want), normal(got[1:])); diff != "" {
						t.Errorf("what it saw (-want +got):\n%s", diff)
					}
					if told := s.told(t, conv.Path); told != conv.told {
						t.Errorf("Disconnect was told %d, want %d", told, conv.told)
					}
				})
			}
		})
	}
}

// normal turns events into lines: a number is one, whatever its type.
func normal(events []event) (lines []string) {
	for _, e := range events {
		line, _ := json.Marshal(e)
		lines = append(lines, string(line))
	}
	return lines
}

func text(n int) string { return strings.Repeat("0123456789abcdef", n/16+1)[:n] }

func noise(n int) string {
	b := make([]byte, 65536)
	for i := range b {
		b[i] = byte((i*i*31 + i*7) % 256)
	}
	return string(bytes.Repeat(b, n/len(b)+1)[:n])
}

func message(kind, data string) event {
	sum := sha256.Sum256([]byte(data))
	return event{kind, len(data), hex.EncodeToString(sum[:8])}
}
