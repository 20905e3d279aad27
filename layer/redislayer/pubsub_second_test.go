package redislayer_test

import (
	"context"
	"encoding/gob"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
	"github.com/gochannels/channels/testing/layertest"
)

// secondProcess, in the environment, makes the test binary a process that sends what it is told to.
const secondProcess = "REDISLAYER_SECOND_PROCESS"

// order is what the second process is to do.
type order struct {
	ID, Layer int
	Verb      string
	URL, Name string // of "open": the server and the prefix; else the name to send to
	Message   []byte // MessagePack
}

type report struct {
	ID    int
	Fault string
	Name  *layer.NameError
	Stats layer.Stats
}

// serveSecond carries out orders until there are no more, each in a goroutine of its own.
func serveSecond(in io.Reader, out io.Writer) {
	var (
		mu     sync.Mutex
		layers = make(map[int]*redislayer.PubSub)
		orders = gob.NewDecoder(in)
		answer = gob.NewEncoder(out)
	)
	for {
		var o order
		if orders.Decode(&o) != nil {
			return
		}
		if o.Verb == "open" {
			l, err := redislayer.NewPubSub(&redislayer.Options{Hosts: []any{o.URL}, Prefix: o.Name, CallTimeout: soon, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				panic(err)
			}
			layers[o.Layer] = l
		}
		l := layers[o.Layer]
		go func() {
			r := report{ID: o.ID}
			if err := carryOut(l, o); err != nil {
				r.Fault = err.Error()
				errors.As(err, &r.Name)
			}
			r.Stats = l.Stats()
			mu.Lock()
			defer mu.Unlock()
			_ = answer.Encode(r)
		}()
	}
}

func carryOut(l *redislayer.PubSub, o order) error {
	switch o.Verb {
	case "send", "group":
		e, err := layer.ParseMsgpack(o.Message)
		if err != nil {
			return err
		}
		msg, err := e.Message()
		if err != nil {
			return err
		}
		if o.Verb == "send" {
			return l.Send(context.Background(), o.Name, msg)
		}
		return l.GroupSend(context.Background(), o.Name, msg)
	case "close":
		return l.Close()
	}
	return nil
}

// second is the second process, seen from the first.
type second struct {
	mu      sync.Mutex
	orders  *gob.Encoder
	n       int
	waiting map[int]chan report
}

func startSecond(t *testing.T) *second {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), secondProcess+"=1")
	cmd.Stderr = os.Stderr
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
	s := &second{orders: gob.NewEncoder(in), waiting: make(map[int]chan report)}
	var reader sync.WaitGroup
	reader.Go(func() {
		for reports := gob.NewDecoder(out); ; {
			var r report
			if reports.Decode(&r) != nil {
				return
			}
			s.mu.Lock()
			s.waiting[r.ID] <- r
			delete(s.waiting, r.ID)
			s.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		_ = in.Close()
		reader.Wait()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the second process: %v", err)
		}
	})
	return s
}

func (s *second) do(o order) report {
	c := make(chan report, 1)
	s.mu.Lock()
	s.n++
	o.ID = s.n
	s.waiting[o.ID] = c
	err := s.orders.Encode(o)
	s.mu.Unlock()
	if err != nil {
		return report{Fault: err.Error()}
	}
	return <-c
}

// apart is a layer whose messages are all sent by the second process. Where the suite lets a member leave after a message
// was sent to it, nothing but time says that the message has come; so each call ends with a message of this process to
// itself, which comes after it.
type apart struct {
	*redislayer.PubSub

	second *second
	id     int
	fence  *layer.Mailbox
	fences atomic.Int64
	closed atomic.Bool
}

func (a *apart) Send(ctx context.Context, channel string, msg layer.Message) error {
	return a.order(ctx, "send", channel, msg)
}

func (a *apart) GroupSend(ctx context.Context, group string, msg layer.Message) error {
	return a.order(ctx, "group", group, msg)
}

func (a *apart) order(ctx context.Context, verb, name string, msg layer.Message) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if a.closed.Load() {
		return layer.ErrClosed
	}
	e, err := layer.Encode(msg)
	if err != nil {
		return err
	}
	packed, err := e.Msgpack()
	if err != nil {
		return err
	}
	switch r := a.second.do(order{Layer: a.id, Verb: verb, Name: name, Message: packed}); {
	case r.Name != nil:
		return r.Name
	case r.Fault != "":
		return errors.New(r.Fault)
	}
	if a.PubSub.Send(context.WithoutCancel(ctx), a.fence.Channel(), message(0)) == nil {
		a.fences.Add(1)
	}
	return nil
}

func (a *apart) Close() error {
	if !a.closed.Swap(true) {
		a.second.do(order{Layer: a.id, Verb: "close"})
	}
	return a.PubSub.Close()
}

// Stats returns those of both processes, without the fences.
func (a *apart) Stats() layer.Stats {
	there, here := a.second.do(order{Layer: a.id, Verb: "stats"}).Stats, a.PubSub.Stats()
	fences := a.fences.Load()
	here.Sent += there.Sent - fences
	here.GroupSent += there.GroupSent
	here.Routed += there.Routed - fences
	here.Delivered += there.Delivered - fences
	for reason, n := range there.Dropped {
		here.Dropped[reason] += n
	}
	here.Channels--
	return here
}

// conformsInTwoProcesses runs the suite with all members in this process, and all senders in another.
func conformsInTwoProcesses(t *testing.T) {
	server, other := redistest.Start(t), startSecond(t)
	var ids atomic.Int64
	layertest.Run(t, func(t testing.TB, o layertest.Options) layer.ChannelLayer {
		a := &apart{second: other, id: int(ids.Add(1))}
		prefix := "asgi" + string(rune('a'+a.id%26)) + string(rune('a'+a.id/26))
		a.PubSub = pubSub(t, redislayer.Options{
			Hosts: []any{server.URL()}, Prefix: prefix, Capacity: o.Capacity, ChannelCapacity: o.ChannelCapacity, Expiry: o.Expiry, CallTimeout: soon,
		})
		other.do(order{Layer: a.id, Verb: "open", URL: server.URL(), Name: prefix})
		a.fence = newChannel(t, a.PubSub)
		a.fence.Divert(func(layer.Envelope) bool { return true })
		return a
	})
}
