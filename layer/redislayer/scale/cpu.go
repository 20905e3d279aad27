package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// cost is the processor time of some work.
type cost struct{ tier, redis time.Duration }

// cpu does the same work by one Go process and by one of Django Channels: so many sockets, so many messages to all.
func cpu(ctx context.Context, o *settings, kind string) error {
	sockets := min(o.sockets, 500)
	s, err := open(ctx, kind, o.capacity, 1, sockets)
	defer s.close()
	if err != nil {
		return err
	}
	ours, err := s.work(ctx, o.atOnce)
	if err != nil {
		return fmt.Errorf("through Go: %w", err)
	}
	d, err := openDaphne(ctx, kind, o.capacity, sockets)
	defer d.close()
	if err != nil {
		return err
	}
	theirs, err := d.work(ctx, o.atOnce)
	if err != nil {
		return fmt.Errorf("through daphne: %w", err)
	}
	fmt.Printf("- CPU: Go %v, daphne %v, a %.0fth; Redis %v and %v\n",
		ours.tier, theirs.tier, float64(theirs.tier)/float64(max(ours.tier, time.Millisecond)), ours.redis, theirs.redis)
	var faults []error
	if float64(ours.tier)*o.ratio > float64(theirs.tier) {
		faults = append(faults, fmt.Errorf("more than a %.0fth", o.ratio))
	}
	if ours.redis > theirs.redis+20*time.Millisecond { // it is counted in hundredths
		faults = append(faults, errors.New("more to do for Redis"))
	}
	return errors.Join(faults...)
}

// work is 200 messages of 128 bytes to all, so many of them on their way at a time. Of more than fifty daphne drops some.
func (s *site) work(ctx context.Context, atOnce int) (c cost, err error) {
	python, err := s.startSenders(ctx, s.redis.url(), 1)
	defer python.stop()
	if err != nil {
		return c, err
	}
	tier, redis := s.cpu(), s.redis.cpu()
	for left := 200; left > 0; left -= atOnce {
		n := min(left, atOnce)
		if err := python.send(spell{n, n, n, 128 - envelope}); err != nil {
			return c, err
		}
		if _, err := s.settled(python); err != nil {
			return c, err
		}
	}
	c = cost{s.cpu() - tier, s.redis.cpu() - redis}
	return c, s.check(python)
}

// openDaphne is open of a process of Django Channels.
func openDaphne(ctx context.Context, kind string, capacity, sockets int) (*site, error) {
	s, err := newSite(ctx, kind, capacity)
	if err != nil {
		return s, err
	}
	s.django = true
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return s, err
	}
	addr := ln.Addr().String()
	_, port, _ := net.SplitHostPort(addr)
	_ = ln.Close()
	p, err := start(ctx, []string{"LAYER=" + kind, "REDIS=" + s.redis.url(), "PYTHONPATH=" + s.folder},
		s.python, "-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", port, "tier:application")
	if err != nil {
		return s, err
	}
	s.servers, s.addrs = []*process{p}, []string{addr}
	for range 300 {
		if conn, err := net.Dial("tcp", addr); err == nil {
			_ = conn.Close()
			return s, s.connect(ctx, sockets)
		}
		<-time.After(100 * time.Millisecond)
	}
	return s, errors.New("daphne does not listen")
}
