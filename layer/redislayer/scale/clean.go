package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// clean looks for gaps where nothing is lost, and counts them where something may be.
func clean(ctx context.Context, o *settings, kind string) error {
	const processes = 2
	s, err := open(ctx, kind, o.capacity, processes, min(o.sockets, 250))
	defer s.close()
	if err != nil {
		return err
	}
	python, err := s.startSenders(ctx, s.redis.url(), 2)
	defer python.stop()
	if err != nil {
		return err
	}
	traffic := func(d time.Duration) error {
		for begun := time.Now(); time.Since(begun) < d; <-time.After(o.pause) {
			if err := python.send(spell{o.burst, o.toAll, min(o.burst, 100), 0}); err != nil {
				return err
			}
		}
		return s.check(python)
	}
	if err := traffic(o.clean); err != nil {
		return err
	}
	fmt.Printf("- %v of traffic to %d sockets: nothing lost, no gap\n", o.clean, s.sockets())
	paused := make(chan struct{})
	go func() {
		defer close(paused)
		s.redis.signal(syscall.SIGSTOP)
		<-time.After(o.stopped)
		s.redis.signal(syscall.SIGCONT)
	}()
	err = traffic(o.stopped + o.pause)
	<-paused
	if err != nil {
		return fmt.Errorf("with a pause: %w", err)
	}
	fmt.Printf("- a pause of %v within traffic: nothing lost, no gap\n", o.stopped)
	python.stop() // before Redis is gone
	for n := range 2 {
		if err := s.outage(ctx, o, int64(n+1)); err != nil {
			return err
		}
	}
	return nil
}

// outage kills Redis, the nth time, and looks whether each client has heard of one gap more.
func (s *site) outage(ctx context.Context, o *settings, n int64) error {
	s.redis.stop()
	<-time.After(o.outage)
	if err := s.redis.run(ctx); err != nil {
		return err
	}
	want := n * int64(s.sockets())
	var t tally
	var err error
	for begun := time.Now(); t.Gaps < want && time.Since(begun) < 20*time.Second; <-time.After(100 * time.Millisecond) {
		if t, err = s.tally(); err != nil {
			return err
		}
	}
	<-time.After(o.patience) // for more of them than there should be
	if t, err = s.tally(); err != nil {
		return err
	}
	fmt.Printf("- outages of %v so far: %d; gaps: %d, heard of by %d of %d sockets; closed: %d\n", o.outage, n, t.Gaps, t.Gapped, s.sockets(), t.Closed)
	if t.Gaps != want || t.Gapped != int64(s.sockets()) || t.Closed > 0 {
		return errors.New("not one gap for each outage and socket")
	}
	return nil
}
