//lint:file-ignore SA1019 The library is an independent client here.

package outage_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"nhooyr.io/websocket"
)

// client is a browser, say: it sends a frame each second and notes what comes.
type client struct {
	name string
	conn *websocket.Conn

	mu    sync.Mutex
	heard []string // ids
	gaps  int
	err   error
}

// connect opens n clients, which say something each second until the test ends if they talk.
func (s *site) connect(t *testing.T, n int, talk bool) []*client {
	t.Helper()
	clients := make([]*client, n)
	var work sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	for i := range clients {
		conn, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(s.url, "http"), nil)
		if err != nil {
			t.Fatal(err)
		}
		clients[i] = &client{name: fmt.Sprintf("client%d", i), conn: conn}
	}
	for i, c := range clients {
		work.Go(func() { c.read(ctx) })
		if !talk {
			continue
		}
		work.Go(func() { c.talk(ctx, time.Duration(i)*time.Second/time.Duration(n)) })
	}
	t.Cleanup(func() {
		cancel()
		for _, c := range clients {
			_ = c.conn.CloseNow()
		}
		work.Wait()
	})
	return clients
}

func (c *client) read(ctx context.Context) {
	for {
		_, b, err := c.conn.Read(ctx)
		var msg struct{ Type, ID string }
		if err == nil {
			err = json.Unmarshal(b, &msg)
		}
		c.mu.Lock()
		switch {
		case err != nil:
			if ctx.Err() == nil {
				c.err = err
			}
		case msg.Type == "gap":
			c.gaps++
		default:
			c.heard = append(c.heard, msg.ID)
		}
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (c *client) talk(ctx context.Context, after time.Duration) {
	wait := time.NewTimer(after)
	defer wait.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-wait.C:
		}
		wait.Reset(time.Second)
		if c.say(ctx, fmt.Sprintf("%s-%d", c.name, n)) != nil {
			return
		}
	}
}

func (c *client) say(ctx context.Context, id string) error {
	return c.conn.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"type":"say","id":%q}`, id))
}

func (c *client) has(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Contains(c.heard, id)
}

func (c *client) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.heard)
}

func (c *client) gapsSoFar() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gaps
}

// check looks at what a client has heard in all: each message that was taken while nothing was wrong, none twice, and as
// many gaps. calm says whether nothing was wrong at a time.
func (c *client) check(t *testing.T, taken []call, gaps int, calm func(call) bool) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		t.Errorf("%s: the connection ended: %v", c.name, c.err)
	}
	if c.gaps != gaps {
		t.Errorf("%s: %d gaps, want %d", c.name, c.gaps, gaps)
	}
	times := map[string]int{}
	for _, id := range c.heard {
		times[id]++
	}
	for id, n := range times {
		if n > 1 {
			t.Errorf("%s heard %s %d times", c.name, id, n)
		}
	}
	for _, call := range taken {
		if calm(call) && times[call.id] == 0 {
			t.Errorf("%s did not hear %s, which the layer took when nothing was wrong", c.name, call.id)
		}
	}
}
