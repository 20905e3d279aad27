package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"
)

// site is what a scenario runs on: Redis, processes with consumers, and their clients.
type site struct {
	kind     string // of layer
	capacity int    // of Channels, on both sides
	django   bool
	redis    *redis
	servers  []*process
	addrs    []string
	each     int // sockets of each process
	clients  []*process
	joined   time.Duration // how long it took for all to be connected and in their groups
	python   string        // the interpreter
	folder   string        // with the Python scripts
}

// newSite starts Redis.
func newSite(ctx context.Context, kind string, capacity int) (s *site, err error) {
	s = &site{kind: kind, capacity: capacity}
	if s.python, s.folder, err = python(); err != nil {
		return s, err
	}
	s.redis, err = startRedis(ctx)
	return s, err
}

// open starts processes of the Go tier with so many sockets each.
func open(ctx context.Context, kind string, capacity, processes, sockets int) (*site, error) {
	s, err := newSite(ctx, kind, capacity)
	if err != nil {
		return s, err
	}
	for range processes {
		p, err := itself(ctx, "serve", "-layer", kind, "-redis", s.redis.url(), "-capacity", fmt.Sprint(capacity))
		if err != nil {
			return s, err
		}
		s.servers = append(s.servers, p)
		addr, err := p.line()
		if err != nil {
			return s, err
		}
		s.addrs = append(s.addrs, addr)
	}
	return s, s.connect(ctx, sockets)
}

// connect has sockets connected to each process.
func (s *site) connect(ctx context.Context, sockets int) error {
	s.each = sockets
	begun := time.Now()
	for i, addr := range s.addrs {
		p, err := itself(ctx, "clients", "-addr", addr, "-n", fmt.Sprint(sockets), "-first", fmt.Sprint(i*sockets))
		if err != nil {
			return err
		}
		s.clients = append(s.clients, p)
	}
	_, err := s.tally() // they answer when they are connected
	s.joined = time.Since(begun)
	return err
}

func (s *site) sockets() int { return len(s.addrs) * s.each }

func (s *site) close() {
	for _, p := range append(s.clients, s.servers...) {
		p.stop()
	}
	if s.redis != nil {
		s.redis.stop()
	}
	_ = os.RemoveAll(s.folder)
}

// tally is the clients' together.
func (s *site) tally() (sum tally, err error) {
	for _, p := range s.clients {
		line, err := p.ask()
		if err != nil {
			return sum, err
		}
		var t tally
		if err := json.Unmarshal([]byte(line), &t); err != nil {
			return sum, err
		}
		sum.All += t.All
		sum.Own += t.Own
		sum.Twice += t.Twice
		sum.Gaps += t.Gaps
		sum.Gapped += t.Gapped
		sum.Closed += t.Closed
	}
	return sum, nil
}

// settled waits until the clients have heard all that was sent, or have heard nothing for a while.
func (s *site) settled(o *senders) (tally, error) {
	const pause, patience = 50 * time.Millisecond, 5 * time.Second
	var last tally
	heard := time.Now()
	for {
		t, err := s.tally()
		if err != nil || t.All >= o.all*int64(s.sockets()) && t.Own >= o.own || time.Since(heard) > patience {
			return t, err
		}
		if t != last {
			last, heard = t, time.Now()
		}
		<-time.After(pause)
	}
}

// check prints what was heard of what was sent, and is an error if that is not the same, each once, in peace.
func (s *site) check(o *senders) error {
	t, err := s.settled(o)
	if err != nil {
		return err
	}
	stats, err := s.stats()
	if err != nil {
		return err
	}
	all := o.all * int64(s.sockets())
	fmt.Printf("- heard: %d of %d, and %d of %d of groups of one; lost: %d; twice: %d; gaps: %d; closed: %d; counted by the layers: %v\n",
		t.All, all, t.Own, o.own, all+o.own-t.All-t.Own, t.Twice, t.Gaps, t.Closed, stats)
	if t.All != all || t.Own != o.own || t.Twice+t.Gaps+t.Closed > 0 {
		return errors.New("messages were lost or doubled, or a gap raised, or a connection closed")
	}
	return nil
}

// stats are the counts of the servers' layers together; Django Channels has none.
func (s *site) stats() (map[string]int64, error) {
	sum := map[string]int64{}
	if s.django {
		return sum, nil
	}
	for _, addr := range s.addrs {
		resp, err := http.Get("http://" + addr + "/stats")
		if err != nil {
			return nil, err
		}
		var one map[string]int64
		err = json.NewDecoder(resp.Body).Decode(&one)
		_ = resp.Body.Close()
		if err != nil {
			return nil, err
		}
		for name, n := range one {
			sum[name] += n
		}
	}
	return sum, nil
}

// cpu is what the servers have computed.
func (s *site) cpu() (sum time.Duration) {
	for _, p := range s.servers {
		sum += p.cpu()
	}
	return sum
}
