package main

import "time"

// idle measures the memory of connections that do nothing, or nothing any more.
func idle(l *client, s *target) (result, error) {
	rest := func(d time.Duration) error {
		_, err := l.until(func(passed time.Duration) bool { return passed >= d })
		return err
	}
	s.stats("?gc=1")
	rss0, goroutines0, cpu0 := rss(s.pid), s.stats("")["goroutines"], cpu(s.pid)
	if err := l.connectAll(l.n); err != nil {
		return nil, err
	}
	cpu1 := cpu(s.pid)
	if err := carry(l); err != nil {
		return nil, err
	}
	if err := rest(l.time); err != nil {
		return nil, err
	}
	raw := rss(s.pid)
	s.stats("?gc=1")
	if err := rest(300 * time.Millisecond); err != nil {
		return nil, err
	}
	after, stats, n := rss(s.pid), s.stats(""), float64(l.n)
	return result{
		"n": l.n, "headers": l.headers, "carry": l.carry, "lost": l.n - l.open, "wrong": l.wrong,
		"rss_KiB_per_conn":    round(float64(raw-rss0) / n),
		"rss_gc_KiB_per_conn": round(float64(after-rss0) / n),
		"heap_KiB_per_conn":   round(stats["heap"] / 1024 / n),
		"stack_KiB_per_conn":  round(stats["stack"] / 1024 / n),
		"goroutines_per_conn": round((stats["goroutines"] - goroutines0) / n),
		"cpu_us_per_connect":  round((cpu1 - cpu0) * 1e6 / n),
	}, nil
}

// carry has each connection send l.carry messages of 4 KiB and get them back, as
// many connections at a time as a busy service might have.
func carry(l *client) error {
	if l.carry == 0 {
		return nil
	}
	const size, most = 4 << 10, 64
	l.size = size
	e := newEchoes(l)
	var waiting []*conn
	l.each(func(c *conn) { waiting = append(waiting, c) })
	done, under := 0, 0
	begin := func() {
		for under < most && len(waiting) > 0 {
			c := waiting[0]
			waiting = waiting[1:]
			under++
			l.write(c, e.frame)
		}
	}
	l.onMsg = func(c *conn, p []byte, _ int64) {
		if !e.answers(p) {
			l.wrong++
		}
		if c.got++; c.got < l.carry {
			l.write(c, e.frame)
			return
		}
		done++
		under--
		begin()
	}
	begin()
	_, err := l.wait(func() int64 { return int64(done) }, func() bool { return done >= l.n })
	return err
}

// connect connects, does the handshake, closes with a close frame each, and again.
func connect(l *client, s *target) (result, error) {
	const most = 200_000 // ports
	l.sources = 16
	done, under := 0, 0
	bye := maskedFrame(opClose, []byte{3, 232}) // 1000
	l.onOpen = func(c *conn) { l.write(c, bye) }
	l.onClose = func(*conn) { done++; under-- }
	last := func(d time.Duration) (time.Duration, error) {
		done = 0
		return l.until(func(passed time.Duration) bool {
			for under < l.workers {
				if err := l.dial(); err != nil {
					l.fail(err)
					return true
				}
				under++
			}
			return passed >= d || done >= most
		})
	}
	if _, err := last(l.time / 6); err != nil {
		return nil, err
	}
	stats0, cpu0 := s.stats(""), cpu(s.pid)
	d, err := last(l.time)
	if err != nil {
		return nil, err
	}
	cpu1, n, stats1 := cpu(s.pid), float64(done), s.stats("")
	if _, err := l.wait(func() int64 { return int64(done) }, func() bool { return under == 0 }); err != nil {
		return nil, err
	}
	return result{
		"Kconn_per_s":      round(n / d.Seconds() / 1e3),
		"cpu_s_per_K":      round((cpu1 - cpu0) / n * 1e3),
		"mallocs_per_conn": round((stats1["mallocs"] - stats0["mallocs"]) / n),
		"lost":             under,
		"goroutines_after": s.stats("")["goroutines"],
	}, nil
}
