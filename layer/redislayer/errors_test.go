package redislayer_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

// oldServer is as much of a Redis without HELLO as a layer needs, which answers each PUBLISH as it is told.
type oldServer struct {
	listener net.Listener
	work     sync.WaitGroup

	mu     sync.Mutex
	answer string // "" means none
	conns  []net.Conn
}

func newOldServer(t *testing.T) *oldServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &oldServer{listener: l, answer: ":1"}
	s.work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, c)
			s.mu.Unlock()
			s.work.Go(func() { s.serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		s.cut()
		s.work.Wait()
	})
	return s
}

func (s *oldServer) says(answer string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

func (s *oldServer) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		_ = c.Close()
	}
}

func (s *oldServer) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	for {
		command, err := readArray(in)
		if err != nil {
			return
		}
		switch command[0] {
		case "PING":
			fmt.Fprint(c, "+PONG\r\n")
		case "SUBSCRIBE", "UNSUBSCRIBE":
			kind := strings.ToLower(command[0])
			for _, name := range command[1:] {
				fmt.Fprintf(c, "*3\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n:1\r\n", len(kind), kind, len(name), name)
			}
		case "PUBLISH":
			s.mu.Lock()
			answer := s.answer
			s.mu.Unlock()
			if answer != "" {
				fmt.Fprint(c, answer+"\r\n")
			}
		default:
			fmt.Fprintf(c, "-ERR unknown command `%s`, with args beginning with: \r\n", command[0])
		}
	}
}

func readArray(in *bufio.Reader) ([]string, error) {
	length := func() (int, error) {
		line, err := in.ReadString('\n')
		if err != nil {
			return 0, err
		}
		return strconv.Atoi(strings.TrimSpace(line[1:]))
	}
	n, err := length()
	if err != nil {
		return nil, err
	}
	array := make([]string, n)
	for i := range array {
		size, err := length()
		if err != nil {
			return nil, err
		}
		b := make([]byte, size+2)
		if _, err := io.ReadFull(in, b); err != nil {
			return nil, err
		}
		array[i] = string(b[:size])
	}
	return array, nil
}

// TestRefusalsAreTyped is fault F15, as far as a server must be made to say such a thing to a PUBLISH.
func TestRefusalsAreTyped(t *testing.T) {
	t.Parallel()
	server := newOldServer(t)
	l := pubSub(t, redislayer.Options{Hosts: []any{"redis://" + server.listener.Addr().String()}})
	box := newChannel(t, l, "g")
	for _, text := range []string{
		"OOM command not allowed when used memory > 'maxmemory'.",
		"READONLY You can't write against a read only replica.",
		"LOADING Redis is loading the dataset in memory",
		"NOAUTH Authentication required.",
		"NOPERM this user has no permissions to access one of the channels used as arguments",
		"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
		"ERR something else",
	} {
		server.says("-" + text)
		code, _, _ := strings.Cut(text, " ")
		err := l.GroupSend(t.Context(), "g", message(1))
		checkRefused(t, err, code)
		if err != nil && !strings.Contains(err.Error(), text) {
			t.Errorf("%q does not have the server's words", err)
		}
	}
	noGap(t, box)
	if s := l.Stats(); s.GroupSent != 0 || s.Routed != 0 {
		t.Errorf("what was refused is counted: %+v", s)
	}
}

// TestOutcomeIsUnknown: a command that was sent and not answered may have had its effect.
func TestOutcomeIsUnknown(t *testing.T) {
	t.Parallel()
	server := newOldServer(t)
	const limit = 200 * time.Millisecond
	l := pubSub(t, redislayer.Options{Hosts: []any{"redis://" + server.listener.Addr().String()}, CallTimeout: limit})
	ready(t, l)
	until(t, soon, "a channel is in the group", func() bool { // each call of a busy machine's may take more than the limit
		box, err := l.NewChannel(t.Context())
		return err == nil && l.GroupAdd(t.Context(), "g", box.Channel()) == nil
	})
	server.says("")
	begun := time.Now()
	err := l.GroupSend(t.Context(), "g", message(1))
	if took := time.Since(begun); !errors.Is(err, layer.ErrOutcomeUnknown) || errors.Is(err, layer.ErrUnavailable) || took < limit || took > limit+time.Second {
		t.Errorf("without an answer: %v after %v, want ErrOutcomeUnknown after %v", err, took, limit)
	}

	ctx, cancel := context.WithCancel(t.Context())
	timer := time.AfterFunc(limit/4, cancel)
	defer timer.Stop()
	err = l.Send(ctx, "worker", message(1))
	if !errors.Is(err, layer.ErrOutcomeUnknown) || !errors.Is(err, context.Canceled) {
		t.Errorf("a call that is given up: %v, want ErrOutcomeUnknown and context.Canceled", err)
	}

	timer = time.AfterFunc(limit/4, server.cut)
	defer timer.Stop()
	if err := l.GroupSend(t.Context(), "g", message(1)); !errors.Is(err, layer.ErrOutcomeUnknown) {
		t.Errorf("a connection lost meanwhile: %v, want ErrOutcomeUnknown", err)
	}
}

// TestManyUnansweredCallsEndInTime sends more than the client could queue. If those that it could not waited for the others,
// they would take seven times the limit.
func TestManyUnansweredCallsEndInTime(t *testing.T) {
	t.Parallel()
	server := newOldServer(t)
	const limit = 2 * time.Second // far above what a busy machine takes to start them all
	l := ready(t, pubSub(t, redislayer.Options{Hosts: []any{"redis://" + server.listener.Addr().String()}, CallTimeout: limit}))
	server.says("")
	begun := time.Now()
	var work sync.WaitGroup
	var mu sync.Mutex
	unknown, unavailable := 0, 0
	for range 3000 {
		work.Go(func() {
			err := l.Send(t.Context(), "worker", message(1))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case errors.Is(err, layer.ErrOutcomeUnknown):
				unknown++
			case errors.Is(err, layer.ErrUnavailable):
				unavailable++
			default:
				t.Errorf("Send: %v", err)
			}
		})
	}
	work.Wait()
	if took := time.Since(begun); took > 4*limit {
		t.Errorf("all calls together took %v, where each had %v", took, limit)
	}
	if unknown == 0 || unavailable == 0 {
		t.Errorf("%d of unknown outcome, %d not sent; want some of both", unknown, unavailable)
	}
}

// TestGivenUpWhileAway: a call that its context ends while no server is there had no effect, and says both: consumers then
// know that the layer is away.
func TestGivenUpWhileAway(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T, *redistest.Server) measured{
		"PubSub": func(t *testing.T, s *redistest.Server) measured {
			return ready(t, pubSub(t, redislayer.Options{Hosts: []any{s.URL()}, CallTimeout: soon}))
		},
		"Core": func(t *testing.T, s *redistest.Server) measured {
			o := coreOptions(s)
			o.CallTimeout = soon
			return coreReady(t, o)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t)
			l := open(t, s)
			box := newChannel(t, l)
			s.Kill()
			until(t, soon, "it is away", func() bool { return metric(t, l, "servers_up") == 0 })
			for call, f := range map[string]func(context.Context) error{
				"GroupAdd":  func(ctx context.Context) error { return l.GroupAdd(ctx, "g", box.Channel()) },
				"GroupSend": func(ctx context.Context) error { return l.GroupSend(ctx, "g", message(1)) },
				"Send":      func(ctx context.Context) error { return l.Send(ctx, "worker", message(1)) },
			} {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
				err := f(ctx)
				cancel()
				if !errors.Is(err, layer.ErrUnavailable) {
					t.Errorf("%s: %v, want ErrUnavailable", call, err)
				}
			}
		})
	}
}

type measured interface {
	layer.ChannelLayer
	layer.Measured
}
