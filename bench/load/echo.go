package main

import (
	"bytes"
	"os"
	"strings"
	"time"
)

// echo has every connection send, wait for the answer, and send again.
func echo(l *client, s *target) (result, error) {
	e := newEchoes(l)
	if err := l.connectAll(l.n); err != nil {
		return nil, err
	}
	l.onMsg = e.message
	e.begin()
	if _, err := e.last(l.time / 6); err != nil { // warm up
		return nil, err
	}
	l.wrong, e.delays = 0, hist{}
	stats0, cpu0, own0 := s.stats(""), cpu(s.pid), cpu(os.Getpid())
	d, err := e.last(l.time)
	if err != nil {
		return nil, err
	}
	own1, cpu1, stats1, n := cpu(os.Getpid()), cpu(s.pid), s.stats(""), float64(e.delays.n)
	r := result{
		"n": l.n, "size": l.size,
		"Krt_per_s":          round(n / d.Seconds() / 1e3),
		"cpu_s_per_M":        round((cpu1 - cpu0) / n * 1e6),
		"client_cpu_s_per_M": round((own1 - own0) / n * 1e6),
		"p50_us":             e.delays.quantile(.5),
		"p99_us":             e.delays.quantile(.99),
		"mallocs_per_msg":    round((stats1["mallocs"] - stats0["mallocs"]) / n),
	}
	if err := e.end(); err != nil {
		return nil, err
	}
	r["lost"], r["wrong"] = l.n-e.answered, l.wrong
	return r, nil
}

// echoes is a conversation on every connection.
type echoes struct {
	*client
	frame    []byte
	data     []byte
	ending   bool
	answered int // connections whose last message is answered
	delays   hist
}

func newEchoes(l *client) *echoes {
	const overhead = len(`{"type":"echo.message","data":""}`)
	data := strings.Repeat("x", max(l.size-overhead, 1))
	msg := `{"type":"echo.message","data":"` + data + `"}`
	e := &echoes{client: l, data: []byte(data)}
	op := byte(opText)
	if l.binary {
		op = opBinary
	}
	if l.proto == "centrifuge" {
		msg = `{"id":2,"rpc":{"method":"echo","data":` + msg + `}}`
	}
	e.frame = maskedFrame(op, []byte(msg))
	return e
}

func (e *echoes) begin() {
	now := time.Now().UnixNano()
	e.each(func(c *conn) {
		c.sent = now
		e.write(c, e.frame)
	})
}

// answers says whether p is an answer. It may be encoded anew, with its keys in
// another order or spaces between them.
func (e *echoes) answers(p []byte) bool { return bytes.Contains(p, e.data) }

// message counts an answer and sends again.
func (e *echoes) message(c *conn, p []byte, now int64) {
	if !e.answers(p) {
		e.wrong++
	}
	e.delays.add(now - c.sent)
	if e.ending {
		e.answered++
		return
	}
	c.sent = now
	e.write(c, e.frame)
}

func (e *echoes) last(d time.Duration) (time.Duration, error) {
	return e.until(func(passed time.Duration) bool { return passed >= d })
}

// end waits for the answers that are due.
func (e *echoes) end() error {
	e.ending = true
	_, err := e.wait(func() int64 { return int64(e.answered) }, func() bool { return e.answered >= e.n })
	return err
}

// mixed is echo while the server broadcasts to all at a rate.
func mixed(l *client, s *target) (result, error) {
	e := newEchoes(l)
	if err := l.connectAll(l.n); err != nil {
		return nil, err
	}
	f := &fan{client: l, target: s, posts: make(chan post, 1<<16), posted: make(chan error)}
	l.each(func(c *conn) { f.members = append(f.members, c) })
	l.onMsg = func(c *conn, p []byte, now int64) {
		if stamp(p) > 0 {
			f.message(c, p, now)
		} else {
			e.message(c, p, now)
		}
	}
	go f.post()
	defer close(f.posts)
	e.begin()
	if _, err := f.run(max(int(l.time.Seconds()*float64(l.rate)/6), 1)); err != nil {
		return nil, err
	}
	l.wrong, e.delays = 0, hist{}
	stats0, cpu0, own0 := s.stats(""), cpu(s.pid), cpu(os.Getpid())
	d, err := f.run(max(int(l.time.Seconds()*float64(l.rate)), 1))
	if err != nil {
		return nil, err
	}
	own1, cpu1, stats1 := cpu(os.Getpid()), cpu(s.pid), s.stats("")
	n := float64(e.delays.n + f.got)
	r := result{
		"n": l.n, "size": l.size, "rate": l.rate,
		"Kframes_per_s":      round(n / d.Seconds() / 1e3),
		"cpu_s_per_M":        round((cpu1 - cpu0) / n * 1e6),
		"client_cpu_s_per_M": round((own1 - own0) / n * 1e6),
		"echo_p50_us":        e.delays.quantile(.5),
		"echo_p99_us":        e.delays.quantile(.99),
		"p50_us":             f.delays.quantile(.5),
		"p99_us":             f.delays.quantile(.99),
		"mallocs_per_msg":    round((stats1["mallocs"] - stats0["mallocs"]) / n),
	}
	if err := e.end(); err != nil {
		return nil, err
	}
	lost := l.n - e.answered
	for _, c := range f.members {
		lost += max(c.want-c.got, 0)
	}
	r["lost"], r["wrong"] = lost, l.wrong
	return r, nil
}
