package group_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/group"
)

// broker records what it is told and answers when and as the test says.
type broker struct {
	mu    sync.Mutex
	calls []string
	gate  chan error // nil: every call is answered nil at once
}

func (b *broker) changed(_ context.Context, name string, want bool) error {
	b.mu.Lock()
	b.calls = append(b.calls, fmt.Sprint(name, " ", want))
	b.mu.Unlock()
	if b.gate == nil {
		return nil
	}
	return <-b.gate
}

func (b *broker) told() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string{}, b.calls...)
}

func (b *broker) check(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, b.told()); diff != "" {
		t.Errorf("calls of Changed (-want +got):\n%s", diff)
	}
}

func TestChangedIsToldFirstAndLast(t *testing.T) {
	t.Parallel()
	var b broker
	r := &group.Registry[int]{Changed: b.changed}
	one, two := r.NewMember(1), r.NewMember(2)
	add(t, r, one, "g", "g")
	add(t, r, two, "g")
	b.check(t, "g true")
	one.Close()
	b.check(t, "g true")
	r.Discard("g", two)
	if err := r.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.check(t, "g true", "g false")
	add(t, r, two, "g")
	b.check(t, "g true", "g false", "g true")
	checkLen(t, r, 1, 1)
}

func TestJoinersWaitForTheConfirmation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := broker{gate: make(chan error)}
		r := &group.Registry[int]{Changed: b.changed}
		var returned atomic.Int32
		for i := range 3 {
			go func() {
				if err := r.Add(t.Context(), "g", r.NewMember(i)); err != nil {
					t.Errorf("Add: %v", err)
				}
				returned.Add(1)
			}()
		}
		synctest.Wait()
		if n := returned.Load(); n != 0 {
			t.Errorf("%d Adds returned before the confirmation", n)
		}
		b.gate <- nil
		synctest.Wait()
		if n := returned.Load(); n != 3 {
			t.Errorf("%d Adds returned after it, want 3", n)
		}
		b.check(t, "g true")
	})
}

func TestFailedSubscriptionUndoesTheAdds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := broker{gate: make(chan error)}
		r := &group.Registry[int]{Changed: b.changed}
		refused := errors.New("refused")
		errs := make(chan error, 2)
		one, two := r.NewMember(1), r.NewMember(2)
		go func() { errs <- r.Add(t.Context(), "g", one) }()
		go func() { errs <- r.Add(t.Context(), "g", two) }()
		synctest.Wait()
		b.gate <- refused
		for range 2 {
			if err := <-errs; !errors.Is(err, refused) {
				t.Errorf("Add: %v, want the broker's error", err)
			}
		}
		b.gate <- nil // "g false"
		synctest.Wait()
		checkLen(t, r, 0, 0)
		b.check(t, "g true", "g false")

		go func() { errs <- r.Add(t.Context(), "g", one) }()
		b.gate <- nil
		if err := <-errs; err != nil {
			t.Errorf("the next Add: %v", err)
		}
		checkLen(t, r, 1, 1)
	})
}

func TestCancelledAddIsUndone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := broker{gate: make(chan error)}
		r := &group.Registry[int]{Changed: b.changed}
		m := r.NewMember(1)
		ctx, cancel := context.WithCancel(t.Context())
		errs := make(chan error)
		go func() { errs <- r.Add(ctx, "g", m) }()
		synctest.Wait()
		cancel()
		if err := <-errs; !errors.Is(err, context.Canceled) {
			t.Errorf("Add: %v", err)
		}
		checkLen(t, r, 0, 0)
		b.gate <- nil // the subscription that nobody wants any more
		b.gate <- nil // and its end
		synctest.Wait()
		b.check(t, "g true", "g false")
	})
}

// TestCancelledAddSparesItsTwin has two Adds of one member, of which one is cancelled: the member stays for the other.
func TestCancelledAddSparesItsTwin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := broker{gate: make(chan error)}
		r := &group.Registry[int]{Changed: b.changed}
		m := r.NewMember(1)
		ctx, cancel := context.WithCancel(t.Context())
		cancelled, patient := make(chan error), make(chan error)
		go func() { cancelled <- r.Add(ctx, "g", m) }()
		go func() { patient <- r.Add(t.Context(), "g", m) }()
		synctest.Wait()
		cancel()
		if err := <-cancelled; !errors.Is(err, context.Canceled) {
			t.Errorf("the cancelled Add: %v", err)
		}
		b.gate <- nil
		if err := <-patient; err != nil {
			t.Errorf("the other Add: %v", err)
		}
		checkLen(t, r, 1, 1)
	})
}

func TestCloseEndsWaitingAdds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := broker{gate: make(chan error)}
		r := &group.Registry[int]{Changed: b.changed}
		m := r.NewMember(1)
		errs := make(chan error)
		go func() { errs <- r.Add(t.Context(), "g", m) }()
		synctest.Wait()
		m.Close()
		b.gate <- nil
		if err := <-errs; !errors.Is(err, group.ErrMemberClosed) {
			t.Errorf("Add: %v", err)
		}
		b.gate <- nil
		synctest.Wait()
		b.check(t, "g true", "g false")
		checkLen(t, r, 0, 0)
	})
}

// TestEdgesThatCancelOutAreNotTold has everybody leave and join again while Changed is busy.
func TestEdgesThatCancelOutAreNotTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := broker{gate: make(chan error)}
		r := &group.Registry[int]{Changed: b.changed}
		m := r.NewMember(1)
		errs := make(chan error, 10)
		for range 5 {
			go func() { errs <- r.Add(t.Context(), "g", m) }()
			synctest.Wait()
			r.Discard("g", m)
		}
		go func() { errs <- r.Add(t.Context(), "g", m) }()
		synctest.Wait()
		b.gate <- nil
		for range 6 {
			if err := <-errs; err != nil {
				t.Errorf("Add: %v", err)
			}
		}
		b.check(t, "g true")
		checkLen(t, r, 1, 1)
	})
}

func TestDiscardDoesNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := broker{gate: make(chan error)}
		r := &group.Registry[int]{Changed: b.changed}
		m := r.NewMember(1)
		go func() { b.gate <- nil }()
		add(t, r, m, "g")
		if !r.Discard("g", m) { // returns although nobody answers "g false"
			t.Error("Discard reports false")
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := r.Wait(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Wait while Changed is running: %v", err)
		}
		b.gate <- nil
		if err := r.Wait(t.Context()); err != nil {
			t.Errorf("Wait: %v", err)
		}
	})
}

func TestChangedSeesTheValuesOfTheAdd(t *testing.T) {
	t.Parallel()
	type key struct{}
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "trace"))
	r := &group.Registry[int]{Changed: func(got context.Context, _ string, _ bool) error {
		if got.Value(key{}) != "trace" || got.Done() != nil {
			t.Error("the context has not the Add's values, or can be cancelled")
		}
		return nil
	}}
	defer cancel()
	if err := r.Add(ctx, "g", r.NewMember(1)); err != nil {
		t.Fatal(err)
	}
}

// TestChangedEndsWithTheTruth joins and leaves from many goroutines, with a broker that fails now and then.
func TestChangedEndsWithTheTruth(t *testing.T) {
	t.Parallel()
	const groups = 3
	var (
		mu      sync.Mutex
		truth   = make(map[string]bool)
		running = make(map[string]bool)
		calls   int
	)
	r := &group.Registry[int]{Changed: func(_ context.Context, name string, want bool) error {
		mu.Lock()
		defer mu.Unlock()
		if running[name] {
			t.Errorf("Changed(%q) runs twice at a time", name)
		}
		running[name] = true
		calls++
		fail := want && calls%7 == 0
		mu.Unlock()
		mu.Lock()
		running[name] = false
		truth[name] = want
		if fail {
			return errors.New("refused")
		}
		return nil
	}}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			m := r.NewMember(i)
			for j := range 300 {
				name := fmt.Sprint("g", (i+j)%groups)
				if r.Add(context.Background(), name, m) == nil {
					mu.Lock()
					if !truth[name] {
						t.Errorf("Add(%q) returned before the subscription was confirmed", name)
					}
					mu.Unlock()
				}
				if j%5 != 0 {
					r.Discard(name, m)
				}
			}
			if i%2 == 0 {
				m.Close()
			}
		})
	}
	wg.Wait()
	if err := r.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range groups {
		name := fmt.Sprint("g", i)
		if got, want := truth[name], len(r.Members(name)) > 0; got != want {
			t.Errorf("%s: the last call said %v, the truth is %v", name, got, want)
		}
	}
}

func ExampleRegistry_changed() {
	r := &group.Registry[string]{
		Changed: func(_ context.Context, name string, want bool) error {
			fmt.Println("subscribed to", name, want)
			return nil
		},
	}
	ada, bob := r.NewMember("Ada"), r.NewMember("Bob")
	_ = r.Add(context.Background(), "chess", ada)
	_ = r.Add(context.Background(), "chess", bob)
	ada.Close()
	bob.Close()
	_ = r.Wait(context.Background())
	// Output:
	// subscribed to chess true
	// subscribed to chess false
}
