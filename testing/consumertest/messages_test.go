package consumertest_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/testing/consumertest"
)

func TestMessagesOfEveryKind(t *testing.T) {
	t.Parallel()
	c := consumertest.NewWebsocketCommunicator(t, echo(), "/")
	c.Connect()
	c.SendText("hello")
	c.SendText("")
	c.SendBinary([]byte{0, 255})
	c.SendBinary(nil)
	c.SendJSON(map[string]any{"type": "echo.message", "data": "<é>"})
	c.Send(consumer.TextFrame("frame"))
	c.Send(consumer.BinaryFrame([]byte("frame")))
	c.ExpectText("hello")
	c.ExpectText("")
	c.ExpectBinary([]byte{0, 255})
	c.ExpectBinary([]byte{})
	c.ExpectJSON(consumer.Message{"data": "<é>", "type": "echo.message"})
	c.ExpectText("frame")
	c.ExpectBinary([]byte("frame"))
	c.ExpectNothing(time.Millisecond)
	c.Disconnect()
}

func TestMessagesOfEveryLength(t *testing.T) {
	t.Parallel()
	c := consumertest.NewWebsocketCommunicator(t, echo(), "/")
	c.Connect()
	for _, n := range []int{1, 125, 126, 127, 1<<16 - 1, 1 << 16, 1<<16 + 1, 1 << 20} {
		b := bytes.Repeat([]byte("abcdefg"), n/7+1)[:n]
		c.SendBinary(b)
		c.ExpectBinary(b)
		c.SendText(string(b))
		c.ExpectText(string(b))
	}
	c.Disconnect()
}

// Neither side reads until the other has written all: no queue is bounded.
func TestBurstDeadlocksNothing(t *testing.T) {
	t.Parallel()
	const n = 100_000
	c := consumertest.NewWebsocketCommunicator(t, raw(func(conn net.Conn, br *bufio.Reader) {
		for range n {
			_, _ = io.WriteString(conn, "\x81\x02hi")
		}
		_, _ = io.CopyN(io.Discard, br, n*int64(len("\x81\x82maskhi")))
		_, _ = io.WriteString(conn, "\x88\x0a\x03\xe8all read")
		_, _ = br.ReadByte() // the answer
	}), "/", &consumertest.Options{Timeout: time.Minute})
	c.Connect()
	for range n {
		c.SendText("hi")
	}
	for range n {
		c.ExpectText("hi")
	}
	c.ExpectClose(1000, "all read")
	c.Disconnect()
}

func TestReceiveFromOtherGoroutines(t *testing.T) {
	t.Parallel()
	const receivers, each = 4, 250
	c := consumertest.NewWebsocketCommunicator(t, echo(), "/")
	c.Connect()
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[string]bool{}
	for i := range receivers {
		wg.Go(func() {
			for j := range each {
				c.SendText(fmt.Sprint(i, j))
			}
		})
		wg.Go(func() {
			for range each {
				f, err := c.Receive(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				seen[string(f.Data)] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(seen) != receivers*each {
		t.Errorf("received %d different messages, want %d", len(seen), receivers*each)
	}
	c.Disconnect()
}

func TestReceiveCancelledLosesNothing(t *testing.T) {
	t.Parallel()
	c := consumertest.NewWebsocketCommunicator(t, echo(), "/")
	if _, err := c.Receive(t.Context()); err == nil {
		t.Error("no error before Connect")
	}
	c.Connect()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Receive(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got the error %v, want context.Canceled", err)
	}
	c.SendText("kept")
	c.ExpectText("kept")
	c.Disconnect()
}

// All who wait are told of the end, each time they ask.
func TestReceiveAfterClose(t *testing.T) {
	t.Parallel()
	app := serving(func(s *socket, _ *http.Request) error {
		if err := s.write(consumer.TextFrame("last")); err != nil {
			return err
		}
		return s.close(4001, "go away")
	})
	c := consumertest.NewWebsocketCommunicator(t, app, "/")
	c.Connect()
	c.ExpectText("last")
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for range 2 {
				_, err := c.Receive(t.Context())
				closed := (*consumer.CloseError)(nil)
				if !errors.As(err, &closed) || closed.Code != 4001 || closed.Reason != "go away" {
					t.Errorf("got the error %v, want the close 4001", err)
				}
			}
		})
	}
	wg.Wait()
	c.SendText("lost, as in a browser")
	c.ExpectClose(4001)
	c.ExpectNothing()
	c.Disconnect()
}

func TestExpectFailsTest(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		send consumer.Frame
		do   func(*consumertest.WebsocketCommunicator)
		want []string
	}{
		{"text", consumer.TextFrame("b"), func(c *consumertest.WebsocketCommunicator) { c.ExpectText("a") }, []string{"/: ExpectText: mismatch (-want +got)", `-`, `"a"`, `+`, `"b"`}},
		{"text not binary", consumer.BinaryFrame([]byte("a")), func(c *consumertest.WebsocketCommunicator) { c.ExpectText("a") }, []string{"want a text frame, got a binary frame of 1 bytes, 61"}},
		{"binary", consumer.BinaryFrame([]byte("b")), func(c *consumertest.WebsocketCommunicator) { c.ExpectBinary([]byte("a")) }, []string{"ExpectBinary: mismatch (-want +got)"}},
		{"binary not text", consumer.TextFrame("a"), func(c *consumertest.WebsocketCommunicator) { c.ExpectBinary([]byte("a")) }, []string{`want a binary frame, got a text frame of 1 bytes, "a"`}},
		{"nothing", consumer.TextFrame("a"), func(c *consumertest.WebsocketCommunicator) { c.ExpectNothing() }, []string{`ExpectNothing: got a text frame of 1 bytes, "a"`}},
		{"nothing, for long", consumer.TextFrame("a"), func(c *consumertest.WebsocketCommunicator) { c.ExpectNothing(time.Hour) }, []string{"ExpectNothing: got a text"}},
		{"two durations", consumer.TextFrame("a"), func(c *consumertest.WebsocketCommunicator) { c.ExpectNothing(1, 2) }, []string{"2 durations"}},
		{"close", consumer.TextFrame("a"), func(c *consumertest.WebsocketCommunicator) { c.ExpectClose(1000) }, []string{`want the close code 1000, got a text frame`}},
		{"json", consumer.TextFrame(`{"a":2}`), func(c *consumertest.WebsocketCommunicator) { c.ExpectJSON(map[string]int{"a": 1}) }, []string{"ExpectJSON: mismatch (-want +got)", `"1"`, `"2"`}},
		{"json not binary", consumer.BinaryFrame([]byte(`1`)), func(c *consumertest.WebsocketCommunicator) { c.ExpectJSON(1) }, []string{"want JSON in a text frame, got a binary"}},
		{"no json", consumer.TextFrame(`{`), func(c *consumertest.WebsocketCommunicator) { c.ExpectJSON(1) }, []string{`unexpected EOF in a text frame of 1 bytes, "{"`}},
		{"two values", consumer.TextFrame(`1 2`), func(c *consumertest.WebsocketCommunicator) { c.ExpectJSON(1) }, []string{"more than one JSON value"}},
		{"no json wanted", consumer.TextFrame(`1`), func(c *consumertest.WebsocketCommunicator) { c.ExpectJSON(func() {}) }, []string{"unsupported type"}},
		{"json sent", consumer.TextFrame(`1`), func(c *consumertest.WebsocketCommunicator) { c.SendJSON(func() {}) }, []string{"SendJSON: json: unsupported type"}},
		{"json into", consumer.TextFrame(`"x"`), func(c *consumertest.WebsocketCommunicator) { c.ReceiveJSON(new(int)) }, []string{"ReceiveJSON: json: cannot unmarshal"}},
		{"no object", consumer.TextFrame(`[]`), func(c *consumertest.WebsocketCommunicator) { c.ReceiveJSON(new(consumer.Message)) }, []string{"not a JSON object"}},
		{"long", consumer.TextFrame(strings.Repeat("é", 4000)), func(c *consumertest.WebsocketCommunicator) { c.ExpectNothing() }, []string{"8000 bytes", `..."`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := &recorder{TB: t}
			failed := r.run(func() {
				c := consumertest.NewWebsocketCommunicator(r, echo(), "/")
				c.Connect()
				c.Send(test.send)
				test.do(c)
			})
			wantFailure(t, failed, test.want...)
			wantNoFailure(t, r.end())
		})
	}
}

func TestCallsBeforeConnectFailTest(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(*consumertest.WebsocketCommunicator){
		"Send: not connected":                                       func(c *consumertest.WebsocketCommunicator) { c.Send(consumer.Frame{}) },
		"ExpectNothing: not connected":                              func(c *consumertest.WebsocketCommunicator) { c.ExpectNothing() },
		"want a text frame, but consumertest: not connected":        func(c *consumertest.WebsocketCommunicator) { c.ExpectText("") },
		"want the close code 1000, but consumertest: not connected": func(c *consumertest.WebsocketCommunicator) { c.ExpectClose(1000) },
	} {
		r := &recorder{TB: t}
		wantFailure(t, r.run(func() { do(consumertest.NewWebsocketCommunicator(r, echo(), "/")) }), name)
		wantNoFailure(t, r.end())
	}
}

// ExpectNothing takes nothing, so that the test can still see what came.
func TestExpectNothingLeavesTheMessage(t *testing.T) {
	t.Parallel()
	r := &recorder{TB: t}
	c := consumertest.NewWebsocketCommunicator(r, echo(), "/")
	wantFailure(t, r.run(func() {
		c.Connect()
		c.SendText("surprise")
		c.ExpectNothing(time.Hour)
	}), "surprise")
	wantNoFailure(t, r.run(func() { c.ExpectText("surprise") }))
	wantNoFailure(t, r.end())
}

func TestTimeoutsInABubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{TB: t}
		c := consumertest.NewWebsocketCommunicator(r, echo(), "/", &consumertest.Options{Timeout: time.Hour})
		wantNoFailure(t, r.run(func() {
			c.Connect()
			begun := time.Now()
			c.ExpectNothing()
			c.ExpectNothing(time.Minute)
			if took, want := time.Since(begun), time.Minute+100*time.Millisecond; took != want {
				t.Errorf("took %v, want %v", took, want)
			}
		}))
		wantFailure(t, r.run(func() { c.ExpectText("x") }), "ExpectText: want a text frame, got nothing within 1h0m0s")
		wantFailure(t, r.run(func() { c.ExpectBinary(nil) }), "ExpectBinary: want a binary frame, got nothing within 1h0m0s")
		wantFailure(t, r.run(func() { c.ExpectJSON(1) }), "ExpectJSON: want JSON, got nothing within 1h0m0s")
		wantFailure(t, r.run(func() { c.ReceiveJSON(new(any)) }), "ReceiveJSON: want JSON, got nothing within 1h0m0s")
		wantFailure(t, r.run(func() { c.ExpectClose(1000) }), "ExpectClose: want the close code 1000, got nothing within 1h0m0s")
		wantNoFailure(t, r.run(func() { // none of that has harmed the connection
			c.SendText("still there")
			c.ExpectText("still there")
			c.Disconnect()
		}))
		wantNoFailure(t, r.end())
	})
}
