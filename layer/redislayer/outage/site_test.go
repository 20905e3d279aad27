package outage_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer"
)

// patience is far beyond what anything that should happen at once takes.
const patience = 30 * time.Second

// callTimeout is the layers' default, and slack what a busy machine may add to it.
const (
	callTimeout = 2 * time.Second
	slack       = 2 * time.Second
)

// kinds are the layers that are put through the faults.
var kinds = map[string]func(*redislayer.Options) (layer.ChannelLayer, error){
	"PubSub": func(o *redislayer.Options) (layer.ChannelLayer, error) { return redislayer.NewPubSub(o) },
	"Core":   func(o *redislayer.Options) (layer.ChannelLayer, error) { return redislayer.NewCore(o) },
}

// site is a server as users build it: consumers in one group on a Redis layer, behind HTTP.
type site struct {
	url   string
	layer layer.ChannelLayer

	joined atomic.Int64
	gate   chan struct{} // what a stall waits for

	mu    sync.Mutex
	calls []call
}

// call is a GroupSend of a consumer, of the message with that id.
type call struct {
	id   string
	at   time.Time
	took time.Duration
	err  error
}

// member says what its client says to everybody.
type member struct {
	consumer.Base
	site *site
}

// Connect joins a group of the connection's own, which the layer has not heard of yet.
func (m *member) Connect(ctx context.Context) error {
	return m.GroupAdd(ctx, fmt.Sprintf("own%d", m.site.joined.Add(1)))
}

func (m *member) ReceiveJSON(ctx context.Context, msg consumer.Message) error {
	id, _ := msg["id"].(string)
	begun := time.Now()
	err := m.GroupSend(ctx, "all", consumer.Message{"type": "said", "id": id})
	m.site.mu.Lock()
	defer m.site.mu.Unlock()
	m.site.calls = append(m.site.calls, call{id, begun, time.Since(begun), err})
	return nil
}

func (m *member) Said(ctx context.Context, e layer.Envelope) error { return m.SendJSON(ctx, e) }

// Stall keeps the consumer busy until the gate is open.
func (m *member) Stall(ctx context.Context, _ consumer.Message) error {
	select {
	case <-m.site.gate:
	case <-ctx.Done():
	}
	return nil
}

func (m *member) Gap(ctx context.Context, _ layer.Gap) error {
	return m.SendJSON(ctx, consumer.Message{"type": "gap"})
}

func newSite(t *testing.T, kind string, o redislayer.Options) *site {
	t.Helper()
	o.Logger = slog.New(slog.DiscardHandler)
	l, err := kinds[kind](&o)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{layer: l, gate: make(chan struct{})}
	h := consumer.MustHandler(func() *member { return &member{site: s} }, &consumer.Options{
		Layer: l, Groups: []string{"all"}, DrainWindow: time.Millisecond, Logger: o.Logger,
	})
	server := httptest.NewServer(h)
	s.url = server.URL
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := consumer.Shutdown(ctx, h); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		server.Close()
		if err := l.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	until(t, "the layer is ready", l.(layer.Readier).Ready)
	return s
}

// until waits for ok by asking again and again, the longer the less often, as each question may be a process of its own.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	wait := 5 * time.Millisecond
	for deadline := time.Now().Add(patience); !ok(); wait = min(2*wait, 100*time.Millisecond) {
		<-time.After(wait)
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// taken returns the calls that were told that the layer had taken the message, and checks all of them: an error says
// whether the message may be on its way, and nobody waited for it much longer than the layer promises.
func (s *site) taken(t *testing.T, beside *control) []call {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var taken []call
	for _, c := range s.calls {
		if busy := beside.busy(c.at); c.took > callTimeout+busy {
			t.Errorf("GroupSend took %v; the machine may add %v", c.took, busy)
		}
		switch {
		case c.err == nil:
			taken = append(taken, c)
		case !errors.Is(c.err, layer.ErrUnavailable) && !errors.Is(c.err, layer.ErrOutcomeUnknown):
			t.Errorf("GroupSend: %v, want ErrUnavailable or ErrOutcomeUnknown", c.err)
		}
	}
	return taken
}

// knock tries handshakes until refused is called or the test ends, and notes how they are answered: let in, or 503, within
// the time that Connect has.
func (s *site) knock(t *testing.T) (refused func() int) {
	var n int
	var work sync.WaitGroup
	stop := make(chan struct{})
	end := sync.OnceFunc(func() {
		close(stop)
		work.Wait()
	})
	t.Cleanup(end)
	work.Go(func() {
		tick := time.NewTicker(300 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			switch status, err := s.handshake(); {
			case err != nil:
				t.Errorf("a handshake: %v", err)
			case status == http.StatusServiceUnavailable:
				n++
			case status != http.StatusSwitchingProtocols:
				t.Errorf("a handshake is answered %d", status)
			}
		}
	})
	return func() int {
		end()
		return n
	}
}

func (s *site) handshake() (status int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second+slack)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, strings.NewReader(""))
	if err != nil {
		return 0, err
	}
	r.Header = http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"},
		"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusServiceUnavailable {
		_, err = io.Copy(io.Discard, resp.Body)
	}
	return resp.StatusCode, err
}
