package main

import (
	"bytes"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// fanout has the server send messages to all members of groups. Every message
// of every connection is counted: those that are missing are lost, those that
// come twice, too early, in another order or in the wrong kind of frame are wrong.
func fanout(l *client, s *target) (result, error) {
	if err := l.connectAll(l.n); err != nil {
		return nil, err
	}
	f := &fan{client: l, target: s, posts: make(chan post, 1<<16), posted: make(chan error)}
	l.each(func(c *conn) {
		if !l.stalls(c) {
			f.members = append(f.members, c)
			return
		}
		// From now on nobody reads it.
		_ = l.watch(c, unix.EPOLL_CTL_DEL)
	})
	l.onMsg = f.message
	go f.post()
	defer close(f.posts)
	const warmUp = 50
	if _, err := f.run(max(min(l.msgs/10, warmUp), 1)); err != nil {
		return nil, err
	}
	l.wrong = 0
	stats0, cpu0, own0 := s.stats(""), cpu(s.pid), cpu(os.Getpid())
	d, err := f.run(l.msgs)
	if err != nil {
		return nil, err
	}
	own1, cpu1, stats1 := cpu(os.Getpid()), cpu(s.pid), s.stats("")
	if err := l.poll(50); err != nil { // what nobody waits for
		return nil, err
	}
	lost := 0
	for _, c := range f.members {
		lost += max(c.want-c.got, 0)
	}
	got := float64(f.got)
	return result{
		"n": l.n, "size": l.size, "window": l.window, "rate": l.rate, "groups": l.groups, "in": l.in, "stalled": l.stalled,
		"delivered": f.got, "lost": lost, "wrong": l.wrong,
		"Kmsg_per_s":         round(got / d.Seconds() / 1e3),
		"cpu_s_per_M":        round((cpu1 - cpu0) / got * 1e6),
		"client_cpu_s_per_M": round((own1 - own0) / got * 1e6),
		"p50_us":             f.delays.quantile(.5),
		"p99_us":             f.delays.quantile(.99),
		"mallocs_per_msg":    round((stats1["mallocs"] - stats0["mallocs"]) / got),
		"rss_MiB":            rss(s.pid) >> 10,
	}, nil
}

type fan struct {
	*client
	*target
	members []*conn
	posts   chan post
	posted  chan error

	since  int64 // messages made earlier belong to the run before
	first  int   // group of the run's first message
	total  int   // messages of the run
	got    int64
	delays hist
}

// post is so many messages, the first to that group.
type post struct{ n, first int }

// message counts a broadcast.
func (f *fan) message(c *conn, p []byte, now int64) {
	t := stamp(p)
	if t == 0 || t < f.since {
		return
	}
	switch {
	case t == c.last: // the same once more
		f.wrong++
		return
	case t < c.last && f.client.groups == 0:
		f.wrong++
	}
	c.last = t
	if c.got++; c.got > c.want {
		f.wrong++
		return
	}
	f.got++
	f.delays.add(now - t)
}

// stamp returns the time in a broadcast, 0 if there is none.
func stamp(p []byte) (t int64) {
	const key = `"t":`
	i := bytes.Index(p, []byte(key))
	if i < 0 {
		return 0
	}
	for _, d := range bytes.TrimLeft(p[i+len(key):], " ") {
		if d < '0' || d > '9' {
			break
		}
		t = t*10 + int64(d-'0')
	}
	return t
}

// want returns how many messages of the run c has to get.
func (f *fan) want(c *conn) int {
	if f.client.groups == 0 {
		return f.total
	}
	n, groups := 0, f.client.groups
	for i := range f.in {
		group := (c.index + i) % groups
		offset := (group - f.first%groups + groups) % groups
		n += (f.total - offset + groups - 1) / groups
	}
	return n
}

// post sends what it is told to, beside the reading; 0 messages ask whether all
// is sent.
func (f *fan) post() {
	var failed error
	for p := range f.posts {
		switch {
		case p.n == 0:
			f.posted <- failed
		case failed == nil:
			failed = f.target.post(p.n, f.groups, p.first)
		}
	}
}

// run broadcasts total messages and waits for them, and returns how long it was
// until the last one came.
func (f *fan) run(total int) (time.Duration, error) {
	f.first, f.total = f.first+f.total, total
	f.got, f.delays, f.since = 0, hist{}, time.Now().UnixNano()
	all := int64(0)
	for _, c := range f.members {
		c.got, c.want = 0, f.want(c)
		all += int64(c.want)
	}
	start, sent := time.Now(), 0
	last, err := f.wait(func() int64 { return f.got }, func() bool {
		if n := f.due(time.Since(start), sent, float64(all)/float64(total)); n > 0 {
			f.posts <- post{n, f.first + sent}
			sent += n
		}
		return f.got >= all
	})
	if err != nil {
		return 0, err
	}
	f.posts <- post{}
	return last, <-f.posted
}

// due returns how many messages to send now, when the run has lasted d, if a
// message has so many receivers.
func (f *fan) due(d time.Duration, sent int, receivers float64) int {
	left := f.total - sent
	switch {
	case f.rate > 0:
		return min(int(d.Seconds()*float64(f.rate))+1-sent, left)
	case f.window == 0:
		return left
	}
	half := max(f.window/2, 1) // half a window at a time keeps the server busy
	n := 0
	for n < left && float64(sent+n-f.window+half)*receivers <= float64(f.got) {
		n += min(half, left-n)
	}
	return n
}
