package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gochannels/channels/layer"
)

// churn joins and leaves groups at a rate, and then looks whether Redis knows what the layer knows.
func churn(ctx context.Context, o *settings, kind string) error {
	r, err := startRedis(ctx)
	if err != nil {
		return err
	}
	defer r.stop()
	l, err := newLayer(kind, r.url(), djangoCapacity)
	if err != nil {
		return err
	}
	defer l.Close()
	const groups, workers = 1000, 50
	var joins atomic.Int64
	var work sync.WaitGroup
	faults := make(chan error, workers)
	begun := time.Now()
	boxes := make([]*layer.Mailbox, workers)
	for w := range workers {
		if boxes[w], err = l.NewChannel(ctx); err != nil {
			return err
		}
		work.Go(func() {
			tick := time.NewTicker(time.Second * 2 * workers / time.Duration(o.rate)) // a join and a leave
			defer tick.Stop()
			for n := 0; time.Since(begun) < o.churn && ctx.Err() == nil; n++ {
				<-tick.C
				group := fmt.Sprintf("g%d", (n*workers+w)%groups)
				err := errors.Join(l.GroupAdd(ctx, group, boxes[w].Channel()), l.GroupDiscard(ctx, group, boxes[w].Channel()))
				if err != nil {
					faults <- err
					return
				}
				joins.Add(2)
			}
		})
	}
	work.Wait()
	if len(faults) > 0 {
		return <-faults
	}
	fmt.Printf("- %d joins and leaves in %v, %d a second, over %d groups\n", joins.Load(), round(time.Since(begun)), int(float64(joins.Load())/time.Since(begun).Seconds()), groups)
	known := func(want int) error {
		got, until := -1, time.Now().Add(10*time.Second)
		for ; got != want && time.Now().Before(until); <-time.After(100 * time.Millisecond) {
			command := []string{"KEYS", "asgi:group:*"}
			if kind == "pubsub" {
				command = []string{"PUBSUB", "CHANNELS", "asgi__group__*"}
			}
			out, err := r.cli(command...)
			if err != nil {
				return err
			}
			got = len(strings.Fields(out))
		}
		fmt.Printf("- Redis knows %d groups, the layer has %d\n", got, want)
		if got != want {
			return errors.New("the layer and Redis differ")
		}
		return nil
	}
	if err := known(0); err != nil {
		return err
	}
	for g := range groups {
		if err := l.GroupAdd(ctx, fmt.Sprintf("g%d", g), boxes[g%workers].Channel()); err != nil {
			return err
		}
	}
	if err := known(groups); err != nil {
		return err
	}
	for g := range groups {
		if err := l.GroupSend(ctx, fmt.Sprintf("g%d", g), layer.Message{"type": "said", "id": g}); err != nil {
			return err
		}
	}
	heard := 0
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for g := range groups {
		if _, err := boxes[g%workers].Receive(ctx); err != nil {
			return fmt.Errorf("after %d of %d messages: %w", heard, groups, err)
		}
		heard++
	}
	fmt.Printf("- a message to each group: %d of %d arrived\n", heard, groups)
	return nil
}
