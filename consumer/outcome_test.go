package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/testing/consumertest"
)

// What a handler's error does, on either side, from a hook or a handler.
func TestErrorsAreInstructions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		fail func() error
		code consumer.StatusCode // 0: stays open
		kind string              // in Stats.Errors
	}{
		{"CloseError", func() error { return fmt.Errorf("x: %w", &consumer.CloseError{Code: 4123, Reason: "bye"}) }, 4123, ""},
		{"CloseError that may not be sent", func() error { return &consumer.CloseError{Code: 1006} }, 1011, ""},
		{"ErrStop", func() error { return consumer.ErrStop }, 1000, ""},
		{"unavailable", func() error { return fmt.Errorf("x: %w", layer.ErrUnavailable) }, 0, "layer"},
		{"full", func() error { return layer.ErrFull }, 0, "layer"},
		{"unknown", func() error { return layer.ErrOutcomeUnknown }, 0, "layer"},
		{"any", func() error { return errors.New("secret") }, 1011, "handler"},
		{"panic", func() error { panic("secret") }, 1011, "panic"},
		{"nil pointer", func() error { var h *hooks; return h.Close(0, "") }, 1011, "panic"},
		{"Goexit", func() error { runtime.Goexit(); return nil }, 1011, "panic"},
	}
	for _, test := range tests {
		for _, side := range []string{"client", "layer"} {
			t.Run(test.name+" from "+side, func(t *testing.T) {
				t.Parallel()
				var out log
				l := new(layer.Memory)
				disconnects := 0
				h := &hooks{
					receive: func(context.Context, *hooks, consumer.Message) error { return test.fail() },
					event:   func(context.Context, *hooks, layer.Envelope) error { return test.fail() },
					disconnect: func(context.Context, *hooks, consumer.StatusCode) error {
						disconnects++
						return nil
					},
				}
				app := h.handler(t, consumer.Options{Layer: l, Groups: []string{"g"}, Logger: out.logger()})
				c := consumertest.NewWebsocketCommunicator(t, app, "/")
				c.Connect()
				if side == "client" {
					c.SendText("{}")
				} else {
					groupSend(t, l, "g", event(1))
				}
				if test.code == 0 {
					c.ExpectNothing()
				} else if e := c.ExpectClose(test.code); strings.Contains(e.Reason, "secret") {
					t.Errorf("the client is told %q", e.Reason)
				}
				c.Disconnect()
				if disconnects != 1 {
					t.Errorf("Disconnect ran %d times", disconnects)
				}
				s := app.Stats()
				if test.kind != "" && s.Errors[test.kind] != 1 || test.kind == "" && len(s.Errors) > 0 {
					t.Errorf("errors %v, want one of kind %q", s.Errors, test.kind)
				}
				if test.kind != "" && !strings.Contains(out.String(), "consumer_test.hooks") {
					t.Errorf("the log does not name the consumer: %s", out.String())
				}
				if n := l.Stats().Memberships; n != 0 {
					t.Errorf("%d memberships", n)
				}
			})
		}
	}
}

// An undecodable message costs that message and nothing else, and OnError is
// told what was wrong with it.
func TestBadMessagesCostThemselves(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 100000)
	bad := map[string]string{
		"":                                 "",
		"empty object's end":               "{",
		"array":                            "[1]",
		"string":                           `"x"`,
		"null":                             "null",
		"two values":                       `{"a":1} {"a":2}`,
		"type twice":                       `{"type":"a","type":"b"}`,
		"escaped type twice":               `{"type":"a","t\u0079pe":"b"}`,
		"any key twice":                    `{"a":{"b":1,"b":2}}`,
		"TYPE":                             `{"TYPE":"test.event"}`,
		"type and Type":                    `{"type":"a","Type":"b"}`,
		"number as type":                   `{"type":1}`,
		"null as type":                     `{"type":null}`,
		"depth":                            `{"a":` + deep,
		"huge float":                       `{"a":1e400}`,
		"huge integer":                     `{"a":18446744073709551616}`,
		"lone surrogate":                   `{"a":"\ud800"}`,
		"NaN":                              `{"a":NaN}`,
		"comment":                          `{"a":1/*x*/}`,
		"trailing comma":                   `{"a":1,}`,
		"single quotes":                    `{'a':1}`,
		"leading zero":                     `{"a":01}`,
		"control character":                "{\"a\":\"\x01\"}",
		"wrong type for a struct's member": `{"type":"echo.message","data":5}`,
	}
	for name, text := range bad {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := make(chan *consumer.EventError, 10)
			app := consumer.MustHandler(NewEcho, &consumer.Options{
				FromClient: []string{"echo.message"}, ReadLimit: 1 << 20,
				OnError: func(_ context.Context, e *consumer.EventError) error { seen <- e; return e },
			})
			c := consumertest.NewWebsocketCommunicator(t, app, "/")
			c.Connect()
			c.SendText(text)
			c.SendJSON(message)
			c.ExpectJSON(message)
			e := <-seen
			if !e.FromClient || e.Err == nil || len(e.Error()) > 300 {
				t.Errorf("OnError saw %+v", e)
			}
			if n := app.Stats().Dropped["undecodable"]; n != 1 {
				t.Errorf("%d counted", n)
			}
			c.Disconnect()
		})
	}
	t.Run("binary", func(t *testing.T) {
		t.Parallel()
		app := consumer.MustHandler(NewEcho, &consumer.Options{FromClient: []string{"echo.message"}})
		c := consumertest.NewWebsocketCommunicator(t, app, "/")
		c.Connect()
		c.SendBinary([]byte(`{"type":"echo.message"}`))
		c.SendJSON(message)
		c.ExpectJSON(message)
		c.Disconnect()
	})
	t.Run("layer", func(t *testing.T) {
		t.Parallel()
		l := new(layer.Memory)
		app := consumer.MustHandler(NewEcho, &consumer.Options{Layer: l, Groups: []string{"g"}})
		c := consumertest.NewWebsocketCommunicator(t, app, "/")
		c.Connect()
		groupSend(t, l, "g", consumer.Message{"type": "echo.message", "data": 5})
		groupSend(t, l, "g", consumer.Message{"type": "echo.message", "data": []byte{1}}) // base64 in JSON
		c.ExpectJSON(consumer.Message{"type": "echo.message", "data": "AQ=="})
		c.Disconnect()
		if n := app.Stats().Dropped["undecodable"]; n != 1 {
			t.Errorf("%d counted", n)
		}
	})
}

func TestOnErrorDecides(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	h := &hooks{
		receive: func(_ context.Context, _ *hooks, msg consumer.Message) error { return boom },
		connect: func(_ context.Context, c *hooks) error {
			if c.Scope().URL.Path == "/refuse" {
				return boom
			}
			return nil
		},
	}
	app := h.handler(t, consumer.Options{OnError: func(_ context.Context, e *consumer.EventError) error {
		switch {
		case e.Event == "connect":
			return nil
		case e.Event == "client":
			return &consumer.CloseError{Code: 1007}
		case errors.Is(e, boom) && e.FromClient && e.Scope.URL.Path == "/keep":
			return nil
		}
		return e
	}})
	c := consumertest.NewWebsocketCommunicator(t, app, "/refuse")
	c.Connect() // the refusal was taken back
	c.SendText("{}")
	c.ExpectClose(1011)
	c = consumertest.NewWebsocketCommunicator(t, app, "/keep")
	c.Connect()
	c.SendText("{}")
	c.ExpectNothing()
	c.SendText("no json")
	c.ExpectClose(1007)
}

func TestCloseFromConsumer(t *testing.T) {
	t.Parallel()
	errs := make(chan []error, 1)
	codes := make(chan consumer.StatusCode, 1)
	h := &hooks{
		receive: func(ctx context.Context, c *hooks, _ consumer.Message) error {
			var e []error
			for _, code := range []consumer.StatusCode{1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, -1, 65536 + 1000} {
				if c.Close(code, "") == nil {
					e = append(e, fmt.Errorf("Close(%d) succeeded", code))
				}
			}
			c.SendJSON(ctx, "last")
			if err := c.Close(4000, strings.Repeat("€", 60)); err != nil {
				e = append(e, err)
			}
			c.Close(4001, "again")
			var closed *consumer.CloseError
			if err := c.SendJSON(context.WithoutCancel(ctx), "late"); !errors.As(err, &closed) || closed.Code != 4000 {
				e = append(e, fmt.Errorf("SendJSON after Close: %w", err))
			}
			if err := c.GroupAdd(context.WithoutCancel(ctx), "late"); !errors.As(err, &closed) || closed.Code != 4000 {
				e = append(e, fmt.Errorf("GroupAdd after Close: %w", err))
			}
			if cause := context.Cause(ctx); !errors.As(cause, &closed) || closed.Code != 4000 {
				e = append(e, fmt.Errorf("ctx's cause is %w", cause))
			}
			errs <- e
			return nil
		},
		disconnect: func(ctx context.Context, _ *hooks, code consumer.StatusCode) error {
			if ctx.Err() != nil {
				t.Error("Disconnect's ctx is dead")
			}
			codes <- code
			return nil
		},
	}
	c := consumertest.NewWebsocketCommunicator(t, h.handler(t, consumer.Options{Layer: new(layer.Memory)}), "/")
	c.Connect()
	c.SendText("{}")
	c.SendText("{}") // not handled any more
	c.ExpectJSON("last")
	c.ExpectClose(4000, strings.Repeat("€", 41))
	for _, err := range <-errs {
		t.Error(err)
	}
	if code := <-codes; code != 4000 {
		t.Errorf("Disconnect was told %d", code)
	}
}

// The code that Disconnect sees is the first close frame's.
func TestDisconnectCodes(t *testing.T) {
	t.Parallel()
	codes := make(chan consumer.StatusCode, 1)
	h := &hooks{disconnect: func(_ context.Context, _ *hooks, code consumer.StatusCode) error { codes <- code; return nil }}
	app := h.handler(t, consumer.Options{ReadLimit: 100})
	for _, test := range []struct {
		want consumer.StatusCode
		end  func(c *consumertest.WebsocketCommunicator)
	}{
		{1000, func(c *consumertest.WebsocketCommunicator) { c.Disconnect() }},
		{4999, func(c *consumertest.WebsocketCommunicator) { c.DisconnectCode(4999, "bye") }},
		{1005, func(c *consumertest.WebsocketCommunicator) { c.DisconnectCode(consumer.StatusNoStatus) }},
		{1006, func(c *consumertest.WebsocketCommunicator) { c.CloseNow() }},
		{1009, func(c *consumertest.WebsocketCommunicator) { c.SendText(strings.Repeat("x", 101)); c.ExpectClose(1009) }},
	} {
		c := consumertest.NewWebsocketCommunicator(t, app, "/")
		c.Connect()
		test.end(c)
		if code := <-codes; code != test.want {
			t.Errorf("Disconnect was told %d, want %d", code, test.want)
		}
	}
	want := map[string]int64{"client": 3, "lost": 1, "too_big": 1}
	if got := app.Stats().Closed; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("closed %v, want %v", got, want)
	}
}
