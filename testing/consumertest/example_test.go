package consumertest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/testing/consumertest"
)

// Echo sends back what it gets, to everyone in its group.
type Echo struct{ consumer.Base }

func (c *Echo) ReceiveJSON(ctx context.Context, msg consumer.Message) error {
	return c.GroupSend(ctx, "echo", msg)
}

func (c *Echo) EchoMessage(ctx context.Context, msg consumer.Message) error {
	return c.SendJSON(ctx, msg)
}

func newEcho(l layer.ChannelLayer) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/echo/", consumer.MustHandler(func() *Echo { return new(Echo) }, &consumer.Options{
		Layer: l, Groups: []string{"echo"},
	}))
	return mux
}

// exampleT stands for the *testing.T of a test.
type exampleT struct{ recorder }

func (t *exampleT) Name() string             { return "TestExample" }
func (t *exampleT) Context() context.Context { return context.Background() }
func (t *exampleT) Fatal(args ...any)        { t.Fatalf("%s", fmt.Sprint(args...)) }

// run stands for "go test".
func run(test func(t testing.TB)) {
	t := new(exampleT)
	if failed := t.run(func() { test(t) }) + t.end(); failed != "" {
		fmt.Println("FAIL:", failed)
		return
	}
	fmt.Println("ok")
}

func Example() {
	run(func(t testing.TB) {
		l := new(layer.Memory)
		message := consumer.Message{"type": "echo.message", "data": "hello"}

		ada := consumertest.NewWebsocketCommunicator(t, newEcho(l), "/echo/")
		ada.Connect()
		ada.SendJSON(message)
		ada.ExpectJSON(message)

		if err := l.GroupSend(t.Context(), "echo", message); err != nil {
			t.Fatal(err)
		}
		ada.ExpectJSON(message)
		ada.ExpectNothing()
		ada.Disconnect()
	})
	// Output: ok
}

// In a bubble an hour passes at once.
func Example_synctest() {
	_ = func(t *testing.T) { // func TestIdle(t *testing.T)
		synctest.Test(t, func(t *testing.T) {
			ada := consumertest.NewWebsocketCommunicator(t, newEcho(new(layer.Memory)), "/echo/")
			ada.Connect()
			time.Sleep(time.Hour) // in the bubble; pings are answered meanwhile
			ada.SendJSON(consumer.Message{"type": "echo.message"})
			ada.ExpectJSON(consumer.Message{"type": "echo.message"})
			ada.Disconnect()
		})
	}
}

func ExampleNewWebsocketCommunicator_options() {
	type userKey struct{}
	run(func(t testing.TB) {
		needsUser := func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Context().Value(userKey{}) == nil {
					http.Error(w, "log in first", http.StatusUnauthorized)
					return
				}
				next.ServeHTTP(w, r)
			})
		}
		app := needsUser(newEcho(new(layer.Memory)))

		stranger := consumertest.NewWebsocketCommunicator(t, app, "/echo/")
		stranger.ExpectRefused(http.StatusUnauthorized)

		ada := consumertest.NewWebsocketCommunicator(t, app, "/echo/?room=1", &consumertest.Options{
			Header: http.Header{"Cookie": {"theme=dark"}},
			Context: func(ctx context.Context) context.Context {
				return context.WithValue(ctx, userKey{}, "ada")
			},
		})
		ada.Connect()
		ada.Disconnect()
	})
	// Output: ok
}

func ExampleWebsocketCommunicator_ExpectRefused() {
	run(func(t testing.TB) {
		res := consumertest.NewWebsocketCommunicator(t, newEcho(new(layer.Memory)), "/nowhere/").ExpectRefused(http.StatusNotFound)
		body, err := io.ReadAll(res.Body)
		fmt.Printf("%s, %q, %v\n", res.Status, body, err)
	})
	// Output:
	// 404 Not Found, "404 page not found\n", <nil>
	// ok
}

func ExampleWebsocketCommunicator_Receive() {
	run(func(t testing.TB) {
		ada := consumertest.NewWebsocketCommunicator(t, newEcho(new(layer.Memory)), "/echo/")
		ada.Connect()
		received := make(chan string)
		go func() {
			f, err := ada.Receive(t.Context()) // never fails the test, so it may be called here
			if err != nil {
				f = consumer.TextFrame(err.Error())
			}
			received <- string(f.Data)
		}()
		ada.SendText(`{"type": "echo.message", "data": "hello"}`)
		fmt.Println(<-received)
		ada.Disconnect()
	})
	// Output:
	// {"data":"hello","type":"echo.message"}
	// ok
}

func ExampleNewChannel() {
	run(func(t testing.TB) {
		l := new(layer.Memory)
		channel := consumertest.NewChannel(t, l, "echo")
		ada := consumertest.NewWebsocketCommunicator(t, newEcho(l), "/echo/")
		ada.Connect()
		ada.SendJSON(consumer.Message{"type": "echo.message", "n": 1})
		channel.Expect(layer.Message{"type": "echo.message", "n": 1})
		channel.ExpectNothing()
		ada.Disconnect()
	})
	// Output: ok
}

// Squarer is a worker's consumer.
type Squarer struct{ consumer.Base }

func (s *Squarer) Square(ctx context.Context, m struct {
	N int `json:"n"`
},
) error {
	return s.GroupSend(ctx, "results", consumer.Message{"type": "squared", "n": m.N * m.N})
}

func ExampleRunWorker() {
	run(func(t testing.TB) {
		l := new(layer.Memory)
		results := consumertest.NewChannel(t, l, "results")
		consumertest.RunWorker(t, consumer.MustWorker("squares", func() *Squarer { return new(Squarer) }, &consumer.WorkerOptions{Layer: l}))
		if err := l.Send(t.Context(), "squares", consumer.Message{"type": "square", "n": 7}); err != nil {
			t.Fatal(err)
		}
		results.Expect(layer.Message{"type": "squared", "n": 49})
	})
	// Output: ok
}
