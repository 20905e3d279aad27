package consumertest_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/testing/consumertest"
)

// closing reports how the connection ended, as the server saw it.
func closing(ends chan<- error) http.Handler {
	return serving(func(s *socket, _ *http.Request) error {
		_, err := s.read()
		ends <- err
		return err
	})
}

func TestDisconnectCodes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		do     func(*consumertest.WebsocketCommunicator)
		code   int
		reason string
	}{
		{"normal", (*consumertest.WebsocketCommunicator).Disconnect, 1000, ""},
		{"going away", func(c *consumertest.WebsocketCommunicator) { c.DisconnectCode(1001) }, 1001, ""},
		{"reason", func(c *consumertest.WebsocketCommunicator) { c.DisconnectCode(4999, "bye") }, 4999, "bye"},
		{"long reason", func(c *consumertest.WebsocketCommunicator) { c.DisconnectCode(3000, strings.Repeat("x", 123)) }, 3000, strings.Repeat("x", 123)},
		{"no code", func(c *consumertest.WebsocketCommunicator) { c.DisconnectCode(consumer.StatusNoStatus) }, 1005, ""},
		{"cut", (*consumertest.WebsocketCommunicator).CloseNow, -1, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ends := make(chan error, 1)
			c := consumertest.NewWebsocketCommunicator(t, closing(ends), "/")
			c.Connect()
			test.do(c)
			err := <-ends
			if code, reason := closeStatus(err); code != test.code || reason != test.reason {
				t.Errorf("the server saw %d %q (%v), want %d %q", code, reason, err, test.code, test.reason)
			}
			if test.code < 0 && !errors.Is(err, io.EOF) {
				t.Errorf("the server saw %v, want io.EOF", err)
			}
			test.do(c) // again: does nothing
		})
	}
}

func TestDisconnectCodeRefusesWhatCannotBeSent(t *testing.T) {
	t.Parallel()
	r := &recorder{TB: t}
	c := consumertest.NewWebsocketCommunicator(r, echo(), "/")
	r.run(func() { c.Connect() })
	for _, code := range []consumer.StatusCode{-1, 0, 999, 1004, 1006, 1015, 2000, 5000} {
		wantFailure(t, r.run(func() { c.DisconnectCode(code) }), "is no code to send")
	}
	wantFailure(t, r.run(func() { c.DisconnectCode(1000, strings.Repeat("x", 124)) }), "a reason of 124 bytes")
	wantFailure(t, r.run(func() { c.DisconnectCode(1000, "a", "b") }), "2 reasons")
	wantFailure(t, r.run(func() { c.DisconnectCode(1005, "a") }), "has no reason")
	wantNoFailure(t, r.run(func() { c.SendText("open"); c.ExpectText("open"); c.Disconnect() }))
	wantFailure(t, r.run(func() { c.SendText("late") }), "SendText: this side has disconnected")
	wantNoFailure(t, r.end())
}

// What arrived before the end is there after it.
func TestDisconnectKeepsWhatArrived(t *testing.T) {
	t.Parallel()
	c := consumertest.NewWebsocketCommunicator(t, echo(), "/")
	c.Connect()
	c.SendText("a")
	c.SendText("b")
	c.Disconnect()
	c.ExpectText("a")
	c.ExpectText("b")
	c.ExpectClose(1000)
}

func TestExpectClose(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, sent string
		code       consumer.StatusCode
		reason     []string
		failure    string
	}{
		{"code", "\x88\x02\x03\xe8", 1000, nil, ""},
		{"reason", "\x88\x05\x0f\xa0bye", 4000, []string{"bye"}, ""},
		{"reason not asked", "\x88\x05\x0f\xa0bye", 4000, nil, ""},
		{"no code", "\x88\x00", 1005, []string{""}, ""},
		{"other code", "\x88\x02\x03\xe8", 1001, nil, "want the close code 1001, but the connection was closed with 1000"},
		{"other code with reason", "\x88\x05\x0f\xa0bye", 1001, nil, `closed with 4000 "bye"`},
		{"other reason", "\x88\x05\x0f\xa0bye", 4000, []string{"hello"}, "reason mismatch (-want +got)"},
		{"code for none", "\x88\x00", 1000, nil, "closed without a code (1005)"},
		{"two reasons", "\x88\x00", 1000, []string{"a", "b"}, "2 reasons"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := &recorder{TB: t}
			failed := r.run(func() {
				c := consumertest.NewWebsocketCommunicator(r, saying(test.sent), "/")
				c.Connect()
				if closed := c.ExpectClose(test.code, test.reason...); closed.Code != test.code {
					t.Errorf("returned %v", closed)
				}
			})
			if test.failure == "" {
				wantNoFailure(t, failed)
			} else {
				wantFailure(t, failed, test.failure)
			}
			wantNoFailure(t, r.end())
		})
	}
}

func TestExpectCloseOfACutConnection(t *testing.T) {
	t.Parallel()
	cut := serving(func(*socket, *http.Request) error { return nil })
	c := consumertest.NewWebsocketCommunicator(t, cut, "/")
	c.Connect()
	c.ExpectClose(consumer.StatusAbnormalClosure)
	c.Disconnect()

	r := &recorder{TB: t}
	wantFailure(t, r.run(func() {
		c := consumertest.NewWebsocketCommunicator(r, cut, "/")
		c.Connect()
		c.ExpectNothing(time.Hour)
	}), "ExpectNothing: the connection was cut without a close frame (1006)")
	wantNoFailure(t, r.end())
}

// The client answers the server's close frame with the same code.
func TestCloseFrameIsAnswered(t *testing.T) {
	t.Parallel()
	answers := make(chan []byte, 1)
	c := consumertest.NewWebsocketCommunicator(t, raw(func(conn net.Conn, br *bufio.Reader) {
		_, _ = io.WriteString(conn, "\x88\x05\x0f\xa0bye")
		frame := make([]byte, 8)
		_, _ = io.ReadFull(br, frame)
		answers <- frame
	}), "/")
	c.Connect()
	c.ExpectClose(4000)
	f := <-answers
	if code := int(f[6]^f[2])<<8 | int(f[7]^f[3]); f[0] != 0x88 || f[1] != 0x82 || code != 4000 {
		t.Errorf("the answer is %x, code %d", f, code)
	}
	c.Disconnect()
}

// What RFC 6455 lets pass a consumer must not do, and doesn't.
func TestConsumersAreHeldToMore(t *testing.T) {
	t.Parallel()
	rude := func(conn net.Conn, br *bufio.Reader) { _, _ = br.ReadByte() }
	twice := func(conn net.Conn, br *bufio.Reader) {
		_, _ = io.WriteString(conn, "\x88\x02\x03\xe8\x88\x02\x03\xe8")
		_, _ = br.ReadByte()
	}
	for want, f := range map[string]func(net.Conn, *bufio.Reader){
		"the connection cut instead of an answer to the close frame": rude,
		"a second close frame": twice,
	} {
		other := consumertest.NewWebsocketCommunicator(t, raw(f), "/")
		other.Connect()
		other.Disconnect()

		r := &recorder{TB: t}
		wantFailure(t, r.run(func() {
			c := consumertest.NewWebsocketCommunicator(r, raw(func(conn net.Conn, br *bufio.Reader) {
				seam := conn.LocalAddr().(seam)
				seam.ConsumerStarted()
				f(conn, br)
				seam.ConsumerDone()
			}), "/")
			c.Connect()
			c.Disconnect()
		}), want)
		r.end()
	}
}

// seam is what consumer handlers ask for after the upgrade.
type seam interface {
	ConsumerStarted()
	ConsumerDone()
}

// detached hands the socket to a goroutine of its own, as consumers do, and
// ends it as that interface promises.
func detached(end func(context.Context)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var session seam
		s, err := accept(hijackSpy{w, func(conn net.Conn) {
			session = conn.LocalAddr().(seam)
			session.ConsumerStarted()
		}}, r)
		if err != nil {
			return
		}
		ctx := context.WithoutCancel(r.Context())
		go func() {
			defer session.ConsumerDone()
			_, _ = s.read()
			s.cut()
			end(ctx)
		}()
	})
}

type hijackSpy struct {
	http.ResponseWriter
	seen func(net.Conn)
}

func (s hijackSpy) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(s.ResponseWriter).Hijack()
	if err == nil {
		s.seen(conn)
	}
	return conn, rw, err
}

func TestDisconnectWaitsForTheConsumer(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(*consumertest.WebsocketCommunicator){
		"Disconnect": (*consumertest.WebsocketCommunicator).Disconnect,
		"CloseNow":   (*consumertest.WebsocketCommunicator).CloseNow,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ended := false
				c := consumertest.NewWebsocketCommunicator(t, detached(func(context.Context) {
					time.Sleep(5 * time.Second) // in the bubble
					ended = true
				}), "/")
				c.Connect()
				do(c)
				if !ended {
					t.Error("returned before the consumer had ended")
				}
			})
		})
	}
}

// The whole of it leaves no goroutine, or the bubble would say so.
func TestBubbleLeavesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, end := range []func(*consumertest.WebsocketCommunicator){
			(*consumertest.WebsocketCommunicator).Disconnect,
			(*consumertest.WebsocketCommunicator).CloseNow,
			func(*consumertest.WebsocketCommunicator) {},
		} {
			c := consumertest.NewWebsocketCommunicator(t, echo(), "/")
			c.Connect()
			c.SendText("hello")
			c.ExpectText("hello")
			end(c)
		}
		consumertest.NewWebsocketCommunicator(t, http.NotFoundHandler(), "/").ExpectRefused(404)
		consumertest.NewWebsocketCommunicator(t, echo(), "/never-connected")
	})
}

// After a fault of the client's the server closes its side and waits for the
// client's, which it gets at once.
func TestDisconnectAfterAFault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		app := consumer.MustHandler(func() *Echo { return new(Echo) }, &consumer.Options{ReadLimit: 100})
		c := consumertest.NewWebsocketCommunicator(t, app, "/")
		c.Connect()
		begun := time.Now()
		c.SendText(strings.Repeat("x", 101))
		c.ExpectClose(1009)
		c.Disconnect()
		if took := time.Since(begun); took != 0 {
			t.Errorf("it took %v", took)
		}
	})
}
