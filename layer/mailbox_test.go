package layer_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/layer"
)

func deliver(t testing.TB, box *layer.Mailbox, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if err := box.Deliver(encode(t, text(s))); err != nil {
			t.Fatalf("Deliver(%q): %v", s, err)
		}
	}
}

func TestMailboxKeepsOrder(t *testing.T) {
	t.Parallel()
	box := layer.NewMailbox("c", nil)
	if box.Channel() != "c" {
		t.Errorf("Channel() = %q", box.Channel())
	}
	var want []string
	next := 0
	for round := range 60 { // the ring grows, wraps and is given back
		for range 1 + round%50 {
			deliver(t, box, strconv.Itoa(next))
			want = append(want, strconv.Itoa(next))
			next++
		}
		for range round % 40 {
			e, ok := box.TryReceive()
			if !ok {
				break
			}
			if got := textOf(t, e); got != want[0] {
				t.Fatalf("got %s, want %s", got, want[0])
			}
			want = want[1:]
		}
		if got := box.Len(); got != len(want) {
			t.Fatalf("Len() = %d, want %d", got, len(want))
		}
	}
	checkDrain(t, box, want...)
}

func TestFullMailboxDropsTheNewest(t *testing.T) {
	t.Parallel()
	var c layer.Counters
	box := layer.NewMailbox("c", &layer.MailboxOptions{Capacity: 3, Counters: &c})
	c.Routed(4)
	deliver(t, box, "1", "2", "3")
	checkErr(t, "the fourth Deliver", box.Deliver(encode(t, text("4"))), layer.ErrFull)
	checkDrain(t, box, "1", "2", "3")
	checkStats(t, c.Stats(), layer.Stats{Routed: 4, Delivered: 3, Dropped: map[layer.DropReason]int64{layer.DropFull: 1}})
}

func TestFullMailboxDropsTheOldestIfTold(t *testing.T) {
	t.Parallel()
	var c layer.Counters
	box := layer.NewMailbox("c", &layer.MailboxOptions{Capacity: 3, DropOldest: true, Counters: &c})
	c.Routed(5)
	deliver(t, box, "1", "2", "3", "4", "5")
	checkDrain(t, box, "3", "4", "5")
	checkStats(t, c.Stats(), layer.Stats{Routed: 5, Delivered: 3, Dropped: map[layer.DropReason]int64{layer.DropOldest: 2}})
}

func TestDefaultCapacityIsThousand(t *testing.T) {
	t.Parallel()
	box := layer.NewMailbox("c", nil)
	e := encode(t, text("x"))
	for range 1000 {
		if err := box.Deliver(e); err != nil {
			t.Fatal(err)
		}
	}
	checkErr(t, "Deliver to a full mailbox", box.Deliver(e), layer.ErrFull)
}

func TestExpiredMessagesAreNotReceived(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c layer.Counters
		box := layer.NewMailbox("c", &layer.MailboxOptions{Expiry: 3 * time.Second, Counters: &c})
		c.Routed(3)
		deliver(t, box, "0")
		time.Sleep(2 * time.Second) // in the bubble
		deliver(t, box, "2")
		time.Sleep(2 * time.Second) // in the bubble
		deliver(t, box, "4")
		checkDrain(t, box, "2", "4")
		checkStats(t, c.Stats(), layer.Stats{Routed: 3, Delivered: 2, Expired: 1})
	})
}

func TestExpiredMessagesMakeRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c layer.Counters
		box := layer.NewMailbox("c", &layer.MailboxOptions{Capacity: 2, Counters: &c})
		c.Routed(4)
		deliver(t, box, "1", "2")
		time.Sleep(61 * time.Second) // in the bubble; the default is 60 s
		deliver(t, box, "3", "4")
		checkDrain(t, box, "3", "4")
		checkStats(t, c.Stats(), layer.Stats{Routed: 4, Delivered: 2, Expired: 2})
	})
}

func TestReceiveWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		box := layer.NewMailbox("c", nil)
		got := make(chan string, 3)
		for range 3 {
			go func() {
				e, err := box.Receive(t.Context())
				if err != nil {
					t.Errorf("Receive: %v", err)
				}
				got <- textOf(t, e)
			}()
		}
		synctest.Wait()
		deliver(t, box, "1", "2")
		synctest.Wait()
		if n := len(got); n != 2 {
			t.Errorf("%d receivers returned after two messages", n)
		}
		deliver(t, box, "3")
		texts := []string{<-got, <-got, <-got}
		slices.Sort(texts)
		if diff := cmp.Diff([]string{"1", "2", "3"}, texts); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestReceiveEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		box := layer.NewMailbox("c", nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := box.Receive(ctx)
		checkErr(t, "Receive", err, context.DeadlineExceeded)
		deliver(t, box, "1")
		_, err = box.Receive(ctx)
		checkErr(t, "Receive with a message waiting", err, context.DeadlineExceeded)
		checkDrain(t, box, "1")
	})
}

func TestReceiveEndsWithClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		box := layer.NewMailbox("c", nil)
		errs := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := box.Receive(t.Context())
				errs <- err
			}()
		}
		synctest.Wait()
		box.Close()
		for range 2 {
			checkErr(t, "Receive", <-errs, layer.ErrClosed)
		}
	})
}

// TestCancelledReceiveLosesNothing cancels receivers at random points while messages come in.
func TestCancelledReceiveLosesNothing(t *testing.T) {
	t.Parallel()
	const senders, each = 4, 400
	var c layer.Counters
	box := layer.NewMailbox("c", &layer.MailboxOptions{Capacity: senders * each, Counters: &c})
	c.Routed(senders * each)
	var (
		received sync.Map
		count    atomic.Int64
		sending  sync.WaitGroup
		all      sync.WaitGroup
	)
	done, finish := context.WithCancel(t.Context())
	defer finish()
	for range 6 {
		all.Go(func() {
			for done.Err() == nil {
				ctx, cancel := context.WithTimeout(done, time.Duration(rand.IntN(50))*time.Microsecond)
				e, err := box.Receive(ctx)
				cancel()
				if err != nil {
					continue
				}
				if _, twice := received.LoadOrStore(textOf(t, e), true); twice {
					t.Errorf("%s was received twice", textOf(t, e))
				}
				if count.Add(1) == senders*each {
					finish()
				}
			}
		})
	}
	for i := range senders {
		sending.Go(func() {
			for j := range each {
				deliver(t, box, fmt.Sprint(i, "/", j))
			}
		})
	}
	sending.Wait()
	select {
	case <-done.Done():
	case <-time.After(30 * time.Second):
		finish()
	}
	all.Wait()
	if n := count.Load(); n != senders*each {
		t.Errorf("%d of %d messages received", n, senders*each)
	}
	checkStats(t, c.Stats(), layer.Stats{Routed: senders * each, Delivered: senders * each})
}

// TestCancelledReceiveWakesAnother cancels a receiver just as it is woken: the other must get the message.
func TestCancelledReceiveWakesAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := encode(t, text("1"))
		for range 200 {
			box := layer.NewMailbox("c", nil)
			ctx, cancel := context.WithCancel(t.Context())
			got := make(chan error, 2)
			for _, ctx := range []context.Context{ctx, t.Context()} {
				go func() {
					_, err := box.Receive(ctx)
					got <- err
				}()
				synctest.Wait()
			}
			if err := box.Deliver(e); err != nil { // wakes the first
				t.Fatal(err)
			}
			cancel()
			synctest.Wait()
			if n := box.Len(); n != 0 {
				t.Fatalf("%d message waits while a receiver does", n)
			}
			box.Close()
			<-got
			<-got
		}
	})
}

func TestClosedMailboxDropsAndRefuses(t *testing.T) {
	t.Parallel()
	var c layer.Counters
	closed := 0
	box := layer.NewMailbox("c", &layer.MailboxOptions{Counters: &c, OnClose: func(box *layer.Mailbox) {
		closed++
		if n := box.Len(); n != 0 {
			t.Errorf("OnClose with %d messages queued", n)
		}
	}})
	c.Routed(3)
	deliver(t, box, "1", "2")
	box.DeliverGap(layer.Gap{Cause: "test"})
	box.Close()
	box.Close()
	checkErr(t, "Deliver", box.Deliver(encode(t, text("3"))), layer.ErrClosed)
	box.DeliverGap(layer.Gap{Cause: "test"})
	_, err := box.Receive(t.Context())
	checkErr(t, "Receive", err, layer.ErrClosed)
	if _, ok := box.TryReceive(); ok || box.Pending() {
		t.Error("something waits in a closed mailbox")
	}
	if closed != 1 {
		t.Errorf("OnClose was called %d times", closed)
	}
	checkStats(t, c.Stats(), layer.Stats{Routed: 3, Gaps: 1, Dropped: map[layer.DropReason]int64{layer.DropClosed: 3}})
}

func TestZeroEnvelopeIsRefused(t *testing.T) {
	t.Parallel()
	box := layer.NewMailbox("c", nil)
	if err := box.Deliver(layer.Envelope{}); err == nil {
		t.Error("Deliver takes the zero Envelope")
	}
}

func TestLargeRingIsGivenBack(t *testing.T) { // not parallel: it measures the heap
	boxes := make([]*layer.Mailbox, 200)
	e := encode(t, text("x"))
	for i := range boxes {
		boxes[i] = layer.NewMailbox("c", nil)
	}
	before := heap()
	for _, box := range boxes {
		for range 1000 {
			if err := box.Deliver(e); err != nil {
				t.Fatal(err)
			}
		}
		drain(t, box)
	}
	if grown := int64(heap()) - int64(before); grown/int64(len(boxes)) > 64 {
		t.Errorf("an emptied mailbox keeps %d bytes", grown/int64(len(boxes)))
	}
	runtime.KeepAlive(boxes)
}

// BenchmarkMailbox delivers and receives one message.
func BenchmarkMailbox(b *testing.B) {
	var c layer.Counters
	box := layer.NewMailbox("c", &layer.MailboxOptions{Counters: &c})
	e := encode(b, text("x"))
	b.ReportAllocs()
	for b.Loop() {
		if err := box.Deliver(e); err != nil {
			b.Fatal(err)
		}
		if _, ok := box.TryReceive(); !ok {
			b.Fatal("nothing received")
		}
	}
}
