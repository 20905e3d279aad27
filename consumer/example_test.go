package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/testing/consumertest"
)

// exampleT lets examples use what tests use.
type exampleT struct {
	testing.TB
	cleanups []func()
}

func (t *exampleT) Helper()                           {}
func (t *exampleT) Name() string                      { return "Example" }
func (t *exampleT) Cleanup(f func())                  { t.cleanups = append(t.cleanups, f) }
func (t *exampleT) Errorf(format string, args ...any) { fmt.Printf("FAIL: "+format+"\n", args...) }
func (t *exampleT) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (t *exampleT) Logf(string, ...any)               {}

func (t *exampleT) end() {
	for _, f := range slices.Backward(t.cleanups) {
		f()
	}
}

// connect returns a client of app.
func connect(t *exampleT, app http.Handler, path string) *consumertest.WebsocketCommunicator {
	c := consumertest.NewWebsocketCommunicator(t, app, path)
	c.Connect()
	return c
}

// show prints the next frame.
func show(c *consumertest.WebsocketCommunicator) {
	f, err := c.Receive(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", f.Data)
}

// RoomConsumer is a chat room's.
type RoomConsumer struct{ consumer.Base }

// ChatMessage is what is said in a room.
type ChatMessage struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

func (c *RoomConsumer) Connect(ctx context.Context) error {
	return c.GroupAdd(ctx, "room."+c.Scope().PathValue("room"))
}

func (c *RoomConsumer) ReceiveJSON(ctx context.Context, msg consumer.Message) error {
	return c.GroupSend(ctx, "room."+c.Scope().PathValue("room"), consumer.Message{"type": "chat.message", "text": msg["text"]})
}

// ChatMessage handles "chat.message" from the channel layer.
func (c *RoomConsumer) ChatMessage(ctx context.Context, msg ChatMessage) error {
	return c.SendJSON(ctx, msg)
}

func Example() {
	t := new(exampleT)
	defer t.end()

	mux := http.NewServeMux()
	mux.Handle("/chat/{room}", consumer.MustHandler(
		func() *RoomConsumer { return new(RoomConsumer) },
		&consumer.Options{Layer: new(layer.Memory)},
	))

	ada, bob := connect(t, mux, "/chat/go"), connect(t, mux, "/chat/go")
	ada.SendJSON(map[string]string{"text": "hello"})
	show(ada)
	show(bob)
	// Output:
	// {"type":"chat.message","text":"hello"}
	// {"type":"chat.message","text":"hello"}
}

// MistakenConsumer has two handlers that no message could ever reach.
type MistakenConsumer struct{ consumer.Base }

func (c *MistakenConsumer) ChatMessage(ctx context.Context, msg *ChatMessage) error { return nil }
func (c *MistakenConsumer) ChatClosed(ctx context.Context)                          {}

// All faults of a consumer and its options are found when the handler is made.
func ExampleNewHandler() {
	_, err := consumer.NewHandler(func() *MistakenConsumer { return new(MistakenConsumer) }, &consumer.Options{
		FromClient: []string{"chat.opened"},
	})
	fmt.Println(err)
	// Output:
	// consumer: *consumer_test.MistakenConsumer: ChatClosed has the signature func(context.Context) (): a handler is func(context.Context, T) error; unexport it if it is none
	// consumer: *consumer_test.MistakenConsumer: ChatMessage takes *consumer_test.ChatMessage: a handler's message is consumer.Message, a struct, or layer.Envelope; unexport it if it is none
	// consumer: *consumer_test.MistakenConsumer: Options.FromClient: no method handles "chat.opened"
}

// MembersConsumer lets users in.
type MembersConsumer struct{ consumer.Base }

type memberKey struct{}

func (c *MembersConsumer) Connect(ctx context.Context) error {
	if ctx.Value(memberKey{}) == nil {
		return &consumer.DenyError{Status: http.StatusUnauthorized, Body: []byte("log in first")}
	}
	return nil
}

// A refusal has a status and a body of its own.
func ExampleDenyError() {
	t := new(exampleT)
	defer t.end()
	app := consumer.MustHandler(func() *MembersConsumer { return new(MembersConsumer) }, nil)

	resp := consumertest.NewWebsocketCommunicator(t, app, "/").ExpectRefused(http.StatusUnauthorized)
	var body [20]byte
	n, _ := resp.Body.Read(body[:])
	fmt.Printf("%s: %s\n", resp.Status, body[:n])
	// Output: 401 Unauthorized: log in first
}

// Messages of a relayed type go to the clients without running any code of the
// consumer: what a Django handler's send(text_data=event["message"]) does.
func ExampleRelay() {
	t := new(exampleT)
	defer t.end()
	l := new(layer.Memory)
	app := consumer.MustHandler(func() *EchoConsumer { return new(EchoConsumer) }, &consumer.Options{
		Layer: l, Groups: []string{"news"},
		Relay: map[string]consumer.Relay{"news.flash": consumer.RelayText("html")},
	})
	c := connect(t, app, "/")
	if err := l.GroupSend(context.Background(), "news", consumer.Message{"type": "news.flash", "html": "<b>Go</b>"}); err != nil {
		fmt.Println(err)
	}
	show(c)
	// Output: <b>Go</b>
}

// CountConsumer counts in the background.
type CountConsumer struct{ consumer.Base }

func (c *CountConsumer) CountLetters(ctx context.Context, msg consumer.Message) error {
	text, _ := msg["text"].(string)
	reply, _ := msg["reply"].(string)
	return c.Layer().Send(ctx, reply, consumer.Message{"type": "letters.counted", "n": len(text)})
}

// A worker handles the messages of a named channel and replies to the channel
// that a message names.
func ExampleWorker() {
	l := new(layer.Memory)
	w := consumer.MustWorker("count", func() *CountConsumer { return new(CountConsumer) }, &consumer.WorkerOptions{Layer: l, Slots: 2})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- w.Run(ctx) }()

	replies, err := l.NewChannel(ctx)
	if err != nil {
		fmt.Println(err)
	}
	defer replies.Close()
	if err := l.Send(ctx, "count", consumer.Message{"type": "count.letters", "text": "hello", "reply": replies.Channel()}); err != nil {
		fmt.Println(err)
	}
	reply, err := replies.Receive(ctx)
	if err != nil {
		fmt.Println(err)
	}
	msg, err := reply.Message()
	fmt.Println(msg["n"], err)

	cancel()
	fmt.Println(<-done)
	// Output:
	// 5 <nil>
	// <nil>
}

// The order in which a program ends: connections, the HTTP server, the layer.
func ExampleShutdown() {
	l := new(layer.Memory)
	handler := consumer.MustHandler(func() *RoomConsumer { return new(RoomConsumer) }, &consumer.Options{Layer: l})
	mux := http.NewServeMux()
	mux.Handle("/chat/{room}", handler)
	mux.Handle("/healthz", consumer.ReadyHandler(handler))
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}

	// After SIGTERM:
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	err := errors.Join(
		consumer.Shutdown(ctx, handler),
		srv.Shutdown(ctx),
		l.Close(),
	)
	fmt.Println(err)

	rec := httptest.NewRecorder()
	mux.ServeHTTP(rec, httptest.NewRequest("GET", "/healthz", nil))
	fmt.Println(rec.Code)
	// Output:
	// <nil>
	// 503
}

// A bad frame can close the connection, where that is wanted.
func ExampleOptions_onError() {
	t := new(exampleT)
	defer t.end()
	app := consumer.MustHandler(func() *EchoConsumer { return new(EchoConsumer) }, &consumer.Options{
		OnError: func(_ context.Context, e *consumer.EventError) error {
			if e.Event == "client" {
				fmt.Println("bad frame:", e.Err)
				return &consumer.CloseError{Code: consumer.StatusInvalidData, Reason: "send JSON objects"}
			}
			return e
		},
	})
	c := connect(t, app, "/")
	c.SendText(`[1, 2]`)
	show(c)
	// Output:
	// bad frame: layer: message: it is not a JSON object: it begins with '['
	// consumer: connection closed with 1007 "send JSON objects"
}
