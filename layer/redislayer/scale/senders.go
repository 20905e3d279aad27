package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// senders are Python processes that send to the groups of a site's clients.
type senders struct {
	processes []*process
	all, own  int64 // messages they have sent to the group of all, and to groups of one
}

// mostAtOnce is how many connections a sender may have.
const mostAtOnce = 300

// spell is what each of them sends at a word: so many messages, so many of them to the group of all, so many at a time.
type spell struct{ size, toAll, atOnce, pad int }

// startSenders starts them. They send to the server with that URL.
func (s *site) startSenders(ctx context.Context, url string, n int) (*senders, error) {
	all := new(senders)
	for i := range n {
		p, err := start(ctx, nil, s.python, s.folder+"/sender.py", s.kind, url, fmt.Sprint(i), fmt.Sprint(n),
			fmt.Sprint(s.sockets()), fmt.Sprint(s.capacity), fmt.Sprint(mostAtOnce))
		if err != nil {
			return all, err
		}
		all.processes = append(all.processes, p)
		if _, err := p.line(); err != nil {
			return all, err
		}
	}
	return all, nil
}

// send has all of them do what b says, and returns when they have.
func (o *senders) send(b spell) error {
	for _, p := range o.processes {
		if _, err := fmt.Fprintln(p.in, b.size, b.toAll, b.atOnce, b.pad); err != nil {
			return err
		}
	}
	for _, p := range o.processes {
		line, err := p.line()
		if err != nil {
			return err
		}
		var t tally
		if err := json.Unmarshal([]byte(line), &t); err != nil {
			return err
		}
		o.all, o.own = o.all+t.All, o.own+t.Own
	}
	return nil
}

// cpu is what they have computed.
func (o *senders) cpu() (sum time.Duration) {
	for _, p := range o.processes {
		sum += p.cpu()
	}
	return sum
}

func (o *senders) stop() {
	for _, p := range o.processes {
		p.stop()
	}
}

// ask has the process print a line.
func (p *process) ask() (string, error) {
	if _, err := io.WriteString(p.in, "\n"); err != nil {
		return "", err
	}
	return p.line()
}
