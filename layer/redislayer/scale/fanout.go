package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// envelope is how many bytes a message has in MessagePack beside its padding.
const envelope = 26

// fanout has Python send to everybody's groups in bursts, and counts what the clients hear: first a few of each burst go to
// the group of all, then one whole burst, one message after the other.
func fanout(ctx context.Context, o *settings, kind string) error {
	s, err := open(ctx, kind, o.capacity, o.processes, o.sockets)
	defer s.close()
	if err != nil {
		return err
	}
	s.print()
	python, err := s.startSenders(ctx, s.redis.url(), o.senders)
	defer python.stop()
	if err != nil {
		return err
	}
	if err := s.bursts(python, o.bursts, o.pause, spell{o.burst, o.toAll, o.burst, 0}); err != nil {
		return err
	}
	return s.bursts(python, 1, 0, spell{o.burst, o.burst, 1, 0})
}

// storm has all of Python's senders send whole bursts to the group of all, at one moment.
func storm(ctx context.Context, o *settings, kind string) error {
	capacity := o.capacity
	if kind == "core" {
		capacity = o.stormCapacity
	}
	s, err := open(ctx, kind, capacity, o.processes, o.sockets)
	defer s.close()
	if err != nil {
		return err
	}
	s.print()
	python, err := s.startSenders(ctx, s.redis.url(), o.senders)
	defer python.stop()
	if err != nil {
		return err
	}
	return s.bursts(python, 2, 0, spell{o.burst, o.burst, min(o.burst, o.stormAtOnce), 0})
}

func (s *site) print() {
	fmt.Printf("- %d processes × %d sockets, one group of all and %d groups of one, connected and joined in %v; capacity %d\n",
		len(s.servers), s.each, s.sockets(), round(s.joined), s.capacity)
}

// bursts sends n times what b says, and then looks whether all of it was heard. Without a pause it does so after each.
func (s *site) bursts(python *senders, n int, pause time.Duration, b spell) error {
	begun, tier, sender, redis := time.Now(), s.cpu(), python.cpu(), s.redis.cpu()
	all, own := python.all, python.own
	for range n {
		if err := python.send(b); err != nil {
			return err
		}
		if pause > 0 {
			<-time.After(pause)
		} else if _, err := s.settled(python); err != nil {
			return err
		}
	}
	err := s.check(python)
	fmt.Printf("- that was: %d Python processes, %d bursts of %d each, %d at a time, %d messages to all and %d to groups of one, in %v\n",
		len(python.processes), n, b.size, b.atOnce, python.all-all, python.own-own, round(time.Since(begun)))
	fmt.Printf("- CPU: Go %v, Python's senders %v, Redis %v\n",
		round(s.cpu()-tier), round(python.cpu()-sender), round(s.redis.cpu()-redis))
	return err
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }

// bytesOfSend measures what a group_send to the group of all makes Python tell Redis, by one process and by several.
func bytesOfSend(ctx context.Context, o *settings, kind string) error {
	const payload = 1000
	one, err := bytesTo(ctx, o, kind, 1, payload)
	if err != nil {
		return err
	}
	all, err := bytesTo(ctx, o, kind, o.processes, payload)
	if err != nil {
		return err
	}
	each := float64(all-one) / float64(max(1, o.processes-1))
	fmt.Printf("- a group_send of a message of %d bytes to a group of %d sockets in %d processes: Python tells Redis %d bytes, %.0f for each process\n",
		payload, o.processes*min(o.sockets, 1000), o.processes, all, each)
	if each > payload+o.overhead {
		return fmt.Errorf("more than the message and %.0f bytes for each process", o.overhead)
	}
	return nil
}

// bytesTo does so for some processes. The message is of that size in MessagePack.
func bytesTo(ctx context.Context, o *settings, kind string, processes, size int) (int64, error) {
	s, err := open(ctx, kind, o.capacity, processes, min(o.sockets, 1000))
	defer s.close()
	if err != nil {
		return 0, err
	}
	meter, err := newMeter("127.0.0.1:" + s.redis.port)
	if err != nil {
		return 0, err
	}
	defer meter.ln.Close()
	python, err := s.startSenders(ctx, "redis://"+meter.ln.Addr().String(), 1)
	defer python.stop()
	if err != nil {
		return 0, err
	}
	const n, other = 100, 26                                             // the message's bytes beside its padding
	if err := python.send(spell{1, 1, 1, size - envelope}); err != nil { // opens the connection
		return 0, err
	}
	before := meter.bytes.Load()
	if err := python.send(spell{n, n, 1, size - envelope}); err != nil {
		return 0, err
	}
	sent := meter.bytes.Load() - before
	if t, err := s.settled(python); err != nil || t.All != python.all*int64(s.sockets()) {
		return 0, errors.Join(err, errors.New("not all was heard"))
	}
	return sent / n, nil
}

// meter is a proxy that counts what goes to the server.
type meter struct {
	ln    net.Listener
	bytes atomic.Int64
}

func newMeter(target string) (*meter, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	m := &meter{ln: ln}
	go func() {
		for {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", target)
			if err != nil {
				_ = client.Close()
				continue
			}
			go func() {
				_, _ = io.Copy(client, server)
				_ = client.Close()
			}()
			go func() {
				_, _ = io.Copy(io.MultiWriter(server, m), client)
				_ = server.Close()
			}()
		}
	}()
	return m, nil
}

// Write counts.
func (m *meter) Write(p []byte) (int, error) {
	m.bytes.Add(int64(len(p)))
	return len(p), nil
}
