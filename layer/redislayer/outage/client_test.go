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
		var conn *websocket.Conn
		until(t, "a client is let in", func() bool { // a busy machine may take more than two seconds for a call
			var err error
			conn, _, err = websocket.Dial(ctx, "ws"+strings.TrimPrefix(s.url, "http"), nil)
			return err == nil
		})
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

// missing returns those that it has not heard.
func (c *client) missing(ids []string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	heard := map[string]bool{}
	for _, id := range c.heard {
		heard[id] = true
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return heard[id] })
}

// check looks at what a client has heard in all: each message that is due, some of which may still be on their way, none
// twice, and as many gaps.
func (c *client) check(t *testing.T, due []string, gaps int) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); len(c.missing(due)) > 0 && time.Now().Before(end); <-tick.C {
	}
	if lost := c.missing(due); len(lost) > 0 {
		t.Errorf("%s did not hear %q, which the layer took when nothing was wrong", c.name, lost)
	}
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
		if times[id]++; times[id] == 2 {
			t.Errorf("%s heard %s twice", c.name, id)
		}
	}
}
