package interop_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
)

var errAsAsked = errors.New("as asked")

// room is RoomConsumer of python/project/consumers.py.
type room struct {
	consumer.Base
	group string
}

func (c *room) Connect(ctx context.Context) error {
	c.group = "room." + c.Scope().PathValue("room")
	query := c.Scope().URL.RawQuery
	switch query {
	case "deny":
		return c.Close(0, "")
	case "crash":
		return errAsAsked
	}
	if err := c.GroupAdd(ctx, c.group); err != nil {
		return err
	}
	var accept consumer.AcceptOptions
	var chosen any
	if slices.Contains(c.Scope().Subprotocols(), "room.v2") {
		accept.Subprotocol, chosen = "room.v2", "room.v2"
	}
	if err := c.Accept(ctx, accept); err != nil {
		return err
	}
	return c.SendJSON(ctx, consumer.Message{"type": "welcome", "query": query, "subprotocol": chosen})
}

func (c *room) ReceiveJSON(ctx context.Context, msg consumer.Message) error {
	switch msg.Type() {
	case "echo":
		return c.SendJSON(ctx, msg)
	case "say":
		return c.GroupSend(ctx, c.group, consumer.Message{"type": "room.said", "text": msg["text"], "n": msg["n"]})
	case "leave":
		if err := c.GroupDiscard(ctx, c.group); err != nil {
			return err
		}
		return c.SendJSON(ctx, consumer.Message{"type": "left the room"})
	case "close":
		code, _ := msg["code"].(int64)
		reason, _ := msg["reason"].(string)
		if err := c.Close(consumer.StatusCode(code), reason); err != nil {
			return err
		}
		if msg["then"] == "send" {
			return c.SendJSON(ctx, consumer.Message{"type": "after the close"})
		}
	case "crash":
		return errAsAsked
	}
	return nil
}

func (c *room) RoomSaid(ctx context.Context, msg layer.Envelope) error { return c.SendJSON(ctx, msg) }

func (c *room) RoomGone(ctx context.Context, msg layer.Envelope) error { return c.SendJSON(ctx, msg) }

func (c *room) RoomCrash(context.Context, layer.Envelope) error { return errAsAsked }

func (c *room) Disconnect(ctx context.Context, code consumer.StatusCode) error {
	return c.Layer().GroupSend(ctx, c.group, consumer.Message{"type": "room.gone", "code": int(code)})
}

// echo is EchoConsumer.
type echo struct{ consumer.Base }

func (c *echo) Receive(ctx context.Context, f consumer.Frame) error { return c.Send(ctx, f) }

// serveGo serves what the Django project serves, and returns the address.
func serveGo(t *testing.T, l layer.ChannelLayer) string {
	t.Helper()
	opts := func() *consumer.Options {
		return &consumer.Options{
			Layer:        l,
			Subprotocols: []string{"room.v2"},
			ReadLimit:    1 << 20, // daphne's
			Logger:       slog.New(slog.DiscardHandler),
		}
	}
	rooms := consumer.MustHandler(func() *room { return new(room) }, opts())
	echoes := consumer.MustHandler(func() *echo { return new(echo) }, opts())
	mux := http.NewServeMux()
	mux.Handle("/room/{room}/", rooms)
	mux.Handle("/echo/", echoes)
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		if err := consumer.Shutdown(context.WithoutCancel(t.Context()), rooms, echoes); err != nil {
			t.Error(err)
		}
		server.Close()
	})
	return server.Listener.Addr().String()
}

// TestRoomOnSeveralServers has one room on daphne, uvicorn and Go, with clients on each: all see each message once.
func TestRoomOnSeveralServers(t *testing.T) {
	t.Parallel()
	for _, k := range kinds {
		for _, version := range []string{oldest, latest} {
			t.Run(k.name+"/"+version, func(t *testing.T) {
				t.Parallel()
				e := newSite(t, k, usual)
				urls := []string{
					"ws://" + daphne(t, version, e.django(t)),
					"ws://" + uvicorn(t, version, e.django(t)),
					"ws://" + serveGo(t, e.layer(t)),
				}
				const each = 8
				out := run(t, latest, append([]string{"rooms.py", "lobby", fmt.Sprint(each)}, urls...)...)
				var seen map[string][][2]any
				if err := json.Unmarshal(out, &seen); err != nil {
					t.Fatalf("%v: %.300s", err, out)
				}
				senders := map[string]int{}
				for name := range seen {
					senders[name] = each
				}
				if len(seen) != 2*len(urls) {
					t.Errorf("clients %v", slices.Sorted(maps.Keys(seen)))
				}
				for name, messages := range seen {
					var all []layer.Message
					for _, m := range messages {
						all = append(all, layer.Message{"sender": m[0], "n": int64(m[1].(float64))})
					}
					checkOnce(t, strings.Join([]string{"client", name}, " "), all, senders)
				}
			})
		}
	}
}
