package interop_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer"
	"github.com/gochannels/channels/testing/consumertest"
)

// listener is a consumer whose client sees what its group is sent.
type listener struct{ consumer.Base }

func (c *listener) TestMessage(ctx context.Context, msg layer.Envelope) error {
	return c.SendJSON(ctx, msg)
}

// listeners opens sockets of consumers in a group.
func listeners(t *testing.T, l layer.ChannelLayer, group string, count int) []*consumertest.WebsocketCommunicator {
	t.Helper()
	h := consumer.MustHandler(func() *listener { return new(listener) }, &consumer.Options{Layer: l, Groups: []string{group}})
	var all []*consumertest.WebsocketCommunicator
	for range count {
		c := consumertest.NewWebsocketCommunicator(t, h, "/", &consumertest.Options{Timeout: patience})
		c.Connect()
		all = append(all, c)
	}
	return all
}

// expectOnce checks that a client sees all messages of all senders once.
func expectOnce(t *testing.T, clients []*consumertest.WebsocketCommunicator, senders map[string]int) {
	t.Helper()
	total := 0
	for _, n := range senders {
		total += n
	}
	for i, c := range clients {
		var all []layer.Message
		for range total {
			var msg layer.Message
			c.ReceiveJSON(&msg)
			all = append(all, msg)
		}
		c.ExpectNothing()
		checkOnce(t, fmt.Sprintf("client %d", i), all, senders)
	}
}

// TestWSGIView has a Django view send with async_to_sync under gunicorn's sync workers, where every call has an event
// loop of its own.
func TestWSGIView(t *testing.T) {
	t.Parallel()
	for _, k := range kinds {
		for _, version := range []string{oldest, latest} {
			t.Run(k.name+"/"+version, func(t *testing.T) {
				t.Parallel()
				e := newSite(t, k, usual)
				clients := listeners(t, e.layer(t), "notices", 2)
				address := gunicorn(t, version, e.django(t))
				senders := map[string]int{}
				var posts []func(context.Context) error
				for i := range 4 {
					sender := fmt.Sprintf("view%d", i)
					senders[sender] = 5
					posts = append(posts, func(ctx context.Context) error {
						for n := range 5 {
							if err := notify(ctx, address, "notices", numbered(sender, n)); err != nil {
								return err
							}
						}
						return nil
					})
				}
				together(t, posts...)
				expectOnce(t, clients, senders)
			})
		}
	}
}

func notify(ctx context.Context, address, group string, msg layer.Message) error {
	body, err := json.Marshal(msg)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/notify/"+group+"/", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("the view answered %s: %.200s", res.Status, answer)
	}
	return nil
}

// TestPreforkedTasks has forked processes send that inherited the layer of their parent, as Celery's prefork pool has it.
func TestPreforkedTasks(t *testing.T) {
	t.Parallel()
	for _, k := range kinds {
		for _, version := range []string{oldest, latest} {
			t.Run(k.name+"/"+version, func(t *testing.T) {
				t.Parallel()
				e := newSite(t, k, usual)
				clients := listeners(t, e.layer(t), "tasks", 1)
				config, err := json.Marshal(e.config())
				if err != nil {
					t.Fatal(err)
				}
				run(t, version, "fork.py", k.name, string(config), "tasks", "3", "10")
				expectOnce(t, clients, map[string]int{"parent": 1, "fork0": 10, "fork1": 10, "fork2": 10})
			})
		}
	}
}

// TestClockSkew has a Python host whose clock is as far ahead as the layer was told, while memberships are renewed twice.
func TestClockSkew(t *testing.T) {
	t.Parallel()
	e := newSite(t, core, usual)
	py := e.python(t, newPeer(t, latest, "PEER_CLOCK=20"))
	inGo := joinGo(t, e.layerWith(t, redislayer.Options{ClockSkew: 20 * time.Second}), "room")
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for round := range 14 {
		sender := fmt.Sprint("python", round)
		py.ask(t, "burst", args{"group": "room", "sender": sender, "count": 1})
		eachOnce(t, inGo, map[string]int{sender: 1})
		<-tick.C
	}
	settle(t, inGo)
}

// TestClockOff has a Python host whose clock is off by 90 seconds: beyond what a message may wait.
func TestClockOff(t *testing.T) {
	t.Parallel()
	for _, k := range kinds {
		for _, ahead := range []string{"90", "-90"} {
			t.Run(k.name+"/"+ahead, func(t *testing.T) {
				t.Parallel()
				e := newSite(t, k, usual)
				py := e.python(t, newPeer(t, latest, "PEER_CLOCK="+ahead))
				l := e.layer(t)
				inGo, inPython := joinGo(t, l, k.group), py.join(t, k.group)
				for round := range 3 {
					sender := fmt.Sprint("python", round)
					py.ask(t, "burst", args{"group": k.group, "sender": sender, "count": 10})
					eachOnce(t, inGo, map[string]int{sender: 10})
					eachOnce(t, inPython, map[string]int{sender: 10})
					if err := burst(t.Context(), l, k.group, "go", 10); err != nil {
						t.Fatal(err)
					}
					eachOnce(t, inGo, map[string]int{"go": 10})
					eachOnce(t, inPython, map[string]int{"go": 10})
				}
				py.ask(t, "burst", args{"channel": inGo.channel, "sender": "direct", "count": 5})
				eachOnce(t, inGo, map[string]int{"direct": 5})
				settle(t, inGo, inPython)
			})
		}
	}
}
