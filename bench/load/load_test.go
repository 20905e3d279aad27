package main

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// counts are the figures that say whether a server did its work.
type counts struct{ delivered, lost, wrong int }

func countsOf(r result) counts {
	delivered, _ := r["delivered"].(int64)
	return counts{int(delivered), r["lost"].(int), r["wrong"].(int)}
}

// TestFanoutCounts has a server err in one message to one connection. Before the
// twenty that count two warm up.
func TestFanoutCounts(t *testing.T) {
	t.Parallel()
	const conn, message, all = 2, 9, 4 * 20
	// once returns a fault of that message.
	once := func(fault func(frame []byte) [][]byte) func(int, int, []byte) [][]byte {
		return func(c, m int, frame []byte) [][]byte {
			if c == conn && m == message {
				return fault(frame)
			}
			return [][]byte{frame}
		}
	}
	var held, late []byte
	tests := []struct {
		name string
		send func(conn, message int, frame []byte) [][]byte
		want counts
	}{
		{"no fault", nil, counts{all, 0, 0}},
		{"dropped", once(func([]byte) [][]byte { return nil }), counts{all - 1, 1, 0}},
		{"twice", once(func(f []byte) [][]byte { return [][]byte{f, f} }), counts{all, 0, 1}},
		{"twice for the one before", func(c, m int, frame []byte) [][]byte {
			switch {
			case c == conn && m == message:
				return nil
			case c == conn && m == message+1:
				return [][]byte{frame, frame}
			}
			return [][]byte{frame}
		}, counts{all - 1, 1, 1}},
		{"late from the run before", func(c, m int, frame []byte) [][]byte {
			switch {
			case c == conn && m == 0:
				late = slices.Clone(frame)
				return nil
			case c == conn && m == message:
				return [][]byte{late, frame}
			}
			return [][]byte{frame}
		}, counts{all, 0, 0}},
		{"binary", once(func(f []byte) [][]byte {
			return [][]byte{append([]byte{fin | opBinary}, f[1:]...)}
		}), counts{all, 0, 1}},
		{"no broadcast", once(func([]byte) [][]byte {
			return [][]byte{serverFrame(opText, []byte(`{"type":"chat.message"}`))}
		}), counts{all - 1, 1, 0}},
		{"closed", once(func([]byte) [][]byte {
			return [][]byte{serverFrame(opClose, nil)}
		}), counts{all - (2 + 20 - message), 2 + 20 - message, 0}},
		{"out of order", func(c, m int, frame []byte) [][]byte {
			switch {
			case c == conn && m == message:
				held = slices.Clone(frame)
				return nil
			case c == conn && m == message+1:
				return [][]byte{frame, held}
			}
			return [][]byte{frame}
		}, counts{all, 0, 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := &fake{send: tt.send}
			if got := countsOf(f.load(t, f.start(t))); got != tt.want {
				t.Errorf("counted %+v, want %+v", got, tt.want)
			}
		})
	}
}

// TestFanoutModes pushes messages in every way that there is.
func TestFanoutModes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		set  func(o *options)
		want int
	}{
		{"one at a time", func(o *options) { o.window = 1 }, 80},
		{"all at once", func(o *options) { o.window = 0 }, 80},
		{"at a rate", func(o *options) { o.rate = 200 }, 80},
		{"in groups", func(o *options) { o.groups, o.n, o.msgs = 3, 7, 20 }, 47}, // 3, 2 and 2 are in g0, g1 and g2, which get 7, 6 and 7
		{"in several groups", func(o *options) { o.groups, o.in, o.n = 4, 3, 8 }, 8 * 3 * 5},
		{"stalled", func(o *options) { o.n, o.stalled = 8, 25 }, 6 * 20},
		{"with a browser's headers", func(o *options) { o.headers = 15 }, 80},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := &fake{}
			o := f.start(t)
			tt.set(&o)
			if got, want := countsOf(f.load(t, o)), (counts{delivered: tt.want}); got != want {
				t.Errorf("counted %+v, want %+v", got, want)
			}
		})
	}
}

// TestStray sends a message to all connections instead of those in its group.
func TestStray(t *testing.T) {
	t.Parallel()
	f := &fake{stray: 9}
	o := f.start(t)
	o.groups = 4
	if got, want := countsOf(f.load(t, o)), (counts{20, 0, 3}); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

// TestCompressed reads fragments with pings between them, and insists on what it
// asked for.
func TestCompressed(t *testing.T) {
	t.Parallel()
	const agreed = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n"
	f := &fake{header: agreed, frame: packedFrames}
	o := f.start(t)
	o.deflate = true
	if got, want := countsOf(f.load(t, o)), (counts{80, 0, 0}); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
	if got := f.pongs.Load(); got < 80 { // the last may be under way
		t.Errorf("%d pongs", got)
	}

	f = &fake{header: agreed, frame: func(p []byte) []byte {
		return serverFrame(opText, append(p[:len(p)-1:len(p)-1], `,"data":"`+strings.Repeat("x", 600)+`"}`...))
	}}
	o = f.start(t)
	o.deflate = true
	if got, want := countsOf(f.load(t, o)), (counts{80, 0, 80}); got != want {
		t.Errorf("of a server that does not compress: %+v, want %+v", got, want)
	}

	f = &fake{}
	o = f.start(t)
	o.deflate = true
	if _, err := measure(o, &target{}); err == nil || !strings.Contains(err.Error(), "permessage-deflate") {
		t.Errorf("of a server that does not agree: %v", err)
	}
}

func TestEchoCounts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		answer func(conn int, p []byte) []byte
		want   counts
	}{
		{"no fault", nil, counts{}},
		{"one is silent", func(conn int, p []byte) []byte {
			if conn == 1 {
				return nil
			}
			return serverFrame(opText, p)
		}, counts{lost: 1}},
		{"one closes", func(conn int, p []byte) []byte {
			if conn == 1 {
				return serverFrame(opClose, nil)
			}
			return serverFrame(opText, p)
		}, counts{lost: 1}},
	}
	for _, scenario := range []string{"echo", "mixed"} {
		for _, tt := range tests {
			t.Run(scenario+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				f := &fake{answer: tt.answer}
				o := f.start(t)
				o.scenario, o.rate = scenario, 100
				got := countsOf(f.load(t, o))
				if scenario == "mixed" && tt.name == "one closes" {
					tt.want.lost += 10 // broadcasts
				}
				if got != tt.want {
					t.Errorf("counted %+v, want %+v", got, tt.want)
				}
			})
		}
	}
}

// TestWrongAnswer counts each answer that is not what was asked.
func TestWrongAnswer(t *testing.T) {
	t.Parallel()
	f := &fake{answer: func(_ int, p []byte) []byte { return serverFrame(opText, append(p[:len(p)-3], "y\"}"...)) }}
	o := f.start(t)
	o.scenario = "echo"
	if r := f.load(t, o); r["wrong"].(int) == 0 || r["lost"].(int) != 0 {
		t.Errorf("lost %v, wrong %v", r["lost"], r["wrong"])
	}
}

func TestConnectCounts(t *testing.T) {
	t.Parallel()
	f := &fake{}
	o := f.start(t)
	o.scenario = "connect"
	if r := f.load(t, o); r["lost"].(int) != 0 || r["Kconn_per_s"].(float64) == 0 {
		t.Errorf("lost %v of %v thousand a second", r["lost"], r["Kconn_per_s"])
	}
}

// TestIdleCarries counts what is carried, and connections that break.
func TestIdleCarries(t *testing.T) {
	t.Parallel()
	answers := make(chan int, 1000)
	f := &fake{answer: func(_ int, p []byte) []byte {
		answers <- len(p)
		return serverFrame(opText, p)
	}}
	o := f.start(t)
	o.scenario, o.carry = "idle", 10
	r := f.load(t, o)
	if r["lost"].(int) != 0 || len(answers) != 40 || <-answers != 4<<10 {
		t.Errorf("lost %v, %d messages carried", r["lost"], len(answers))
	}
}

// TestHist is exact to two percent.
func TestHist(t *testing.T) {
	t.Parallel()
	var h hist
	if got := h.quantile(.5); got != 0 {
		t.Errorf("the median of nothing is %v", got)
	}
	for us := range 1000 {
		h.add(int64(time.Duration(us+1) * time.Microsecond))
	}
	for q, want := range map[float64]float64{.5: 500, .99: 990, 1: 1000} {
		if got := h.quantile(q); got < want*.98 || got > want*1.02 {
			t.Errorf("the %v quantile is %v, want %v", q, got, want)
		}
	}
}

func TestRefusedTargets(t *testing.T) {
	t.Parallel()
	if _, err := newClient(options{addr: "192.0.2.1:80"}); err == nil {
		t.Error("an address outside the loopback is accepted")
	}
	if _, err := newTarget(t.Context(), &options{}, []string{"false"}); err == nil || !strings.Contains(err.Error(), "ended") {
		t.Errorf("a server that ends at once: %v", err)
	}
	if _, err := measure(options{scenario: "none"}, &target{}); err == nil {
		t.Error("an unknown scenario is accepted")
	}
}
