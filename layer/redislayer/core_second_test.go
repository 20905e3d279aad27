package redislayer_test

import (
	"context"
	"encoding/gob"
	"encoding/json"
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

// coreSender, in the environment, makes the test binary a process that sends by Cores as it is told.
const coreSender = "REDISLAYER_CORE_SENDER"

func init() {
	if os.Getenv(coreSender) != "" {
		serveCoreOrders(os.Stdin, os.Stdout)
		os.Exit(0)
	}
}

// coreOrder is a call to make on a layer.
type coreOrder struct {
	ID, Layer int
	Verb      string // "open", "send", "group", "stats", "close"
	Name      string // to send to; of "open": the options
	Message   []byte // MessagePack
}

type coreReport struct {
	ID    int
	Fault string
	Full  bool
	Name  *layer.NameError
	Stats layer.Stats
}

// serveCoreOrders makes calls until there are no more, each in a goroutine of its own.
func serveCoreOrders(in io.Reader, out io.Writer) {
	var mu sync.Mutex
	layers := make(map[int]*redislayer.Core)
	orders, answer := gob.NewDecoder(in), gob.NewEncoder(out)
	for {
		var o coreOrder
		if orders.Decode(&o) != nil {
			return
		}
		if o.Verb == "open" {
			var options redislayer.Options
			if err := json.Unmarshal([]byte(o.Name), &options); err != nil {
				panic(err)
			}
			options.Logger = slog.New(slog.DiscardHandler)
			l, err := redislayer.NewCore(&options)
			if err != nil {
				panic(err)
			}
			layers[o.Layer] = l
		}
		l := layers[o.Layer]
		go func() {
			err := callCore(l, o)
			r := coreReport{ID: o.ID, Full: errors.Is(err, layer.ErrFull), Stats: l.Stats()}
			if err != nil {
				r.Fault = err.Error()
				errors.As(err, &r.Name)
			}
			mu.Lock()
			defer mu.Unlock()
			_ = answer.Encode(r)
		}()
	}
}

func callCore(l *redislayer.Core, o coreOrder) error {
	if o.Verb == "close" {
		return l.Close()
	}
	if o.Message == nil {
		return nil
	}
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
}

// coreSenderProcess is that process.
type coreSenderProcess struct {
	mu      sync.Mutex
	orders  *gob.Encoder
	n       int
	waiting map[int]chan coreReport
}

func startCoreSender(t *testing.T) *coreSenderProcess {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), coreSender+"=1")
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
	p := &coreSenderProcess{orders: gob.NewEncoder(in), waiting: make(map[int]chan coreReport)}
	var reader sync.WaitGroup
	reader.Go(func() {
		for reports := gob.NewDecoder(out); ; {
			var r coreReport
			if reports.Decode(&r) != nil {
				return
			}
			p.mu.Lock()
			p.waiting[r.ID] <- r
			delete(p.waiting, r.ID)
			p.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		_ = in.Close()
		reader.Wait()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the second process: %v", err)
		}
	})
	return p
}

func (p *coreSenderProcess) do(o coreOrder) coreReport {
	c := make(chan coreReport, 1)
	p.mu.Lock()
	p.n++
	o.ID = p.n
	p.waiting[o.ID] = c
	err := p.orders.Encode(o)
	p.mu.Unlock()
	if err != nil {
		return coreReport{Fault: err.Error()}
	}
	return <-c
}

// coreApart is a Core whose messages are all sent by the second process.
type coreApart struct {
	*redislayer.Core

	process *coreSenderProcess
	id      int
	closed  atomic.Bool
}

func (a *coreApart) Send(ctx context.Context, channel string, msg layer.Message) error {
	return a.order(ctx, "send", channel, msg)
}

func (a *coreApart) GroupSend(ctx context.Context, group string, msg layer.Message) error {
	return a.order(ctx, "group", group, msg)
}

func (a *coreApart) order(ctx context.Context, verb, name string, msg layer.Message) error {
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
	switch r := a.process.do(coreOrder{Layer: a.id, Verb: verb, Name: name, Message: packed}); {
	case r.Name != nil:
		return r.Name
	case r.Full:
		return layer.ErrFull
	case r.Fault != "":
		return errors.New(r.Fault)
	}
	return nil
}

func (a *coreApart) Close() error {
	if !a.closed.Swap(true) {
		a.process.do(coreOrder{Layer: a.id, Verb: "close"})
	}
	return a.Core.Close()
}

// Stats returns those of both processes.
func (a *coreApart) Stats() layer.Stats {
	there, here := a.process.do(coreOrder{Layer: a.id, Verb: "stats"}).Stats, a.Core.Stats()
	here.Sent += there.Sent
	here.GroupSent += there.GroupSent
	here.Routed += there.Routed
	for reason, n := range there.Dropped {
		here.Dropped[reason] += n
	}
	return here
}

// TestCoreConformsInTwoProcesses runs the suite with all members in this process, and all senders in another.
func TestCoreConformsInTwoProcesses(t *testing.T) {
	t.Parallel()
	s, process := redistest.Start(t), startCoreSender(t)
	var ids atomic.Int64
	layertest.Run(t, func(t testing.TB, lo layertest.Options) layer.ChannelLayer {
		o := coreOptions(s)
		o.Capacity, o.ChannelCapacity, o.Expiry, o.CallTimeout = lo.Capacity, lo.ChannelCapacity, lo.Expiry, soon
		a := &coreApart{Core: coreReady(t, o), process: process, id: int(ids.Add(1))}
		o.Logger = nil
		options, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		process.do(coreOrder{Layer: a.id, Verb: "open", Name: string(options)})
		return a
	})
}
