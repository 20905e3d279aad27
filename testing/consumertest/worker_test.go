package consumertest_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/testing/consumertest"
)

// doubler answers {"type": "double", "n": n} to the group "results".
type doubler struct {
	consumer.Base
	pause time.Duration
}

type double struct {
	N int `json:"n"`
}

func (d *doubler) Double(ctx context.Context, m double) error {
	time.Sleep(d.pause) // in the bubble
	return d.GroupSend(ctx, "results", consumer.Message{"type": "doubled", "n": 2 * m.N})
}

func newDoubler(l layer.ChannelLayer, pause time.Duration) *consumer.Worker {
	return consumer.MustWorker("doubler", func() *doubler { return &doubler{pause: pause} }, &consumer.WorkerOptions{Layer: l})
}

func TestRunWorker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := new(layer.Memory)
		results := consumertest.NewChannel(t, l, "results")
		stop := consumertest.RunWorker(t, newDoubler(l, time.Second))
		send := func(n int) {
			if err := l.Send(t.Context(), "doubler", consumer.Message{"type": "double", "n": n}); err != nil {
				t.Error(err)
			}
		}
		send(1)
		send(2)
		results.Expect(consumer.Message{"type": "doubled", "n": 2})
		results.Expect(consumer.Message{"type": "doubled", "n": 4})

		send(3)
		synctest.Wait()
		stop() // returns when what runs has ended
		results.Expect(consumer.Message{"type": "doubled", "n": 6})
		stop()
		send(4)
		results.ExpectNothing()
		consumertest.RunWorker(t, newDoubler(l, 0))
		results.Expect(consumer.Message{"type": "doubled", "n": 8})
	})
}

func TestRunWorkerFailsTest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := new(layer.Memory)
		r := &recorder{TB: t}
		r.run(func() { consumertest.RunWorker(r, newDoubler(l, 10*time.Second)) })
		if err := l.Send(t.Context(), "doubler", consumer.Message{"type": "double", "n": 1}); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		wantFailure(t, r.end(), "worker: has not ended within 6s of being stopped")
		time.Sleep(time.Minute) // in the bubble

		r.run(func() { consumertest.RunWorker(r, newDoubler(l, 0)) })
		synctest.Wait()
		_ = l.Close()
		synctest.Wait()
		wantFailure(t, r.end(), "worker: layer: ")
	})
}
