package consumer_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/testing/consumertest"
)

// crowd connects n clients to a consumer in the group g.
func crowd(t *testing.T, n int, h *hooks, l layer.ChannelLayer) []*consumertest.WebsocketCommunicator {
	t.Helper()
	app := h.handler(t, consumer.Options{Layer: l, Groups: []string{"g"}})
	clients := make([]*consumertest.WebsocketCommunicator, n)
	for i := range clients {
		clients[i] = consumertest.NewWebsocketCommunicator(t, app, "/")
		clients[i].Connect()
	}
	return clients
}

// A broadcast to many connections does not wake a goroutine for each: while
// handlers do not block, as many run as there are cores.
func TestBroadcastIsHandledByAFewGoroutines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const clients = 300
		l := new(layer.Memory)
		var inside, most, handled atomic.Int32
		h := &hooks{event: func(context.Context, *hooks, layer.Envelope) error {
			for n := inside.Add(1); ; {
				if m := most.Load(); n <= m || most.CompareAndSwap(m, n) {
					break
				}
			}
			runtime.Gosched() // others that are there could come in
			inside.Add(-1)
			handled.Add(1)
			return nil
		}}
		crowd(t, clients, h, l)
		groupSend(t, l, "g", event(0))
		synctest.Wait()
		if handled.Load() != clients || int(most.Load()) > runtime.GOMAXPROCS(0) {
			t.Errorf("%d handlers ran, %d at once", handled.Load(), most.Load())
		}
	})
}

// Handlers that block hold up nobody for long: all of them come to block
// before the first has returned.
func TestBlockedHandlersHoldUpNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const clients = 300
		l := new(layer.Memory)
		var inside sync.WaitGroup
		inside.Add(clients)
		h := &hooks{event: func(context.Context, *hooks, layer.Envelope) error {
			inside.Done()
			inside.Wait()
			return nil
		}}
		crowd(t, clients, h, l)
		begun := time.Now()
		groupSend(t, l, "g", event(0))
		inside.Wait()
		if took := time.Since(begun); took > 20*time.Millisecond {
			t.Errorf("it took %v until %d handlers ran", took, clients)
		}
	})
}

// A client's handler that keeps the turn holds up its own connection's
// messages and no other's.
func TestBusyTurnHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	gate, began := make(chan struct{}), make(chan struct{}, 8)
	h := &hooks{receive: func(context.Context, *hooks, consumer.Message) error {
		began <- struct{}{}
		<-gate
		return nil
	}}
	clients := crowd(t, 9, h, l)
	for _, c := range clients[1:] {
		c.SendText("{}")
		<-began
	}
	groupSend(t, l, "g", event(1))
	clients[0].ExpectJSON(event(1))
	close(gate)
	for _, c := range clients[1:] {
		c.ExpectJSON(event(1))
	}
}

// A handler that ends its goroutine ends its own connection only.
func TestGoexitInAHandlerOfManyEndsOne(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	var first atomic.Bool
	h := &hooks{event: func(ctx context.Context, c *hooks, e layer.Envelope) error {
		if first.CompareAndSwap(false, true) {
			runtime.Goexit()
		}
		return c.SendJSON(ctx, e)
	}}
	clients := crowd(t, 20, h, l)
	groupSend(t, l, "g", event(1))
	groupSend(t, l, "g", event(2))
	closed := 0
	for _, c := range clients {
		f, err := c.Receive(t.Context())
		if err != nil {
			closed++
			continue
		}
		if f.Binary {
			t.Error("a binary frame")
		}
		c.ExpectJSON(event(2))
	}
	if closed != 1 {
		t.Errorf("%d connections were closed, want 1", closed)
	}
}
