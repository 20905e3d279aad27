package consumertest_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/testing/consumertest"
)

// A Send that fails fails the test and lets its goroutine go on, which others
// may wait for; after the test there is none to fail.
func TestSendFromElsewhere(t *testing.T) {
	t.Parallel()
	var c *consumertest.WebsocketCommunicator
	r := &recorder{TB: t}
	c = consumertest.NewWebsocketCommunicator(r, echo(), "/")
	c.Connect()
	c.Disconnect()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		c.SendText("a")
		c.SendJSON(make(chan int))
		sent <- struct{}{}
	}()
	select {
	case <-sent:
	case <-time.After(10 * time.Second):
		t.Fatal("the sending goroutine was ended")
	}
	if failed := r.end(); !strings.Contains(failed, "has disconnected") || !strings.Contains(failed, "chan int") {
		t.Errorf("failures: %q", failed)
	}
	before := len(r.failures)
	c.SendText("late")
	if len(r.failures) > before {
		t.Errorf("a Send after the test's end fails it: %q", r.failures)
	}
}

// handshakeOf returns what a handler gets of a handshake with those options.
func handshakeOf(t *testing.T, o *consumertest.Options) *http.Request {
	t.Helper()
	got := make(chan *http.Request, 1)
	c := consumertest.NewWebsocketCommunicator(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got <- r
		w.WriteHeader(http.StatusForbidden)
	}), "/", o)
	c.ExpectRefused(http.StatusForbidden)
	return <-got
}

func TestHeadersInAnyCase(t *testing.T) {
	t.Parallel()
	r := handshakeOf(t, &consumertest.Options{Header: http.Header{"host": {"tenant.test"}, "cookie": {"a=b"}, "User-Agent": nil}})
	if r.Host != "tenant.test" || r.Header.Get("Cookie") != "a=b" || r.Header.Get("Origin") != "http://tenant.test" {
		t.Errorf("host %q, headers %v", r.Host, r.Header)
	}
	if agent, ok := r.Header["User-Agent"]; ok {
		t.Errorf("User-Agent %q, which was left out", agent)
	}
}

// rewritten is a connection whose answer to the handshake has another Connection
// header.
type rewritten struct {
	net.Conn
	line string
}

func (c rewritten) Write(b []byte) (int, error) {
	_, err := io.WriteString(c.Conn, strings.Replace(string(b), "Connection: Upgrade", c.line, 1))
	return len(b), err
}

// wrapper is middleware's ResponseWriter, which wraps the connection.
type wrapper struct {
	http.ResponseWriter
	wrap func(net.Conn) net.Conn
}

func (w wrapper) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	return w.wrap(conn), rw, err
}

// RFC 6455 section 4.1 has Connection a list with the token Upgrade in it, and
// RFC 9110 section 5.3 lets lists have several lines.
func TestConnectionHeaderIsAList(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"Connection: keep-alive, Upgrade", "Connection: keep-alive\r\nConnection: upgrade"} {
		app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			quiet := raw(func(_ net.Conn, br *bufio.Reader) { _, _ = io.Copy(io.Discard, br) })
			quiet.ServeHTTP(wrapper{w, func(conn net.Conn) net.Conn { return rewritten{conn, line} }}, r)
		})
		r := &recorder{TB: t}
		wantNoFailure(t, r.run(func() { consumertest.NewWebsocketCommunicator(r, app, "/").Connect() }))
		r.end()
	}
}

func TestSubprotocolsInSeveralLines(t *testing.T) {
	t.Parallel()
	app := consumer.MustHandler(func() *taxi { return new(taxi) }, &consumer.Options{Subprotocols: []string{"b"}})
	c := consumertest.NewWebsocketCommunicator(t, app, "/", &consumertest.Options{Header: http.Header{"Sec-WebSocket-Protocol": {"a", "b"}}})
	c.Connect()
	if c.Subprotocol() != "b" {
		t.Errorf("agreed on %q", c.Subprotocol())
	}
}

// A consumer that hangs is shown in a test of any name.
func TestGoroutinesOfAQuotedName(t *testing.T) {
	t.Parallel()
	t.Run(`say "hi"`, func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			block := make(chan struct{})
			app := newTaxis(new(layer.Memory), func(consumer.StatusCode) { <-block })
			r := &recorder{TB: t}
			c := consumertest.NewWebsocketCommunicator(r, app, "/taxi/")
			failed := r.run(func() {
				c.Connect()
				c.Disconnect()
			})
			close(block)
			wantFailure(t, failed, "traps_test.go")
			r.end()
		})
	})
}

// Middleware that wraps the connection, to count its bytes say, does not keep
// Disconnect from waiting for the consumer's.
func TestWrappedConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ended := false
		taxis := newTaxis(new(layer.Memory), func(consumer.StatusCode) {
			time.Sleep(2 * time.Second) // in the bubble
			ended = true
		})
		app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			taxis.ServeHTTP(wrapper{w, func(conn net.Conn) net.Conn { return struct{ net.Conn }{conn} }}, r)
		})
		c := consumertest.NewWebsocketCommunicator(t, app, "/taxi/")
		c.Connect()
		c.Disconnect()
		if !ended {
			t.Error("Disconnect has returned before the consumer's has")
		}
	})
}

func TestChannelExpectNothingOfWhatHasCome(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	r := &recorder{TB: t}
	c := consumertest.NewChannel(r, l, "g")
	if err := l.GroupSend(t.Context(), "g", layer.Message{"type": "a"}); err != nil {
		t.Fatal(err)
	}
	wantFailure(t, r.run(func() { c.ExpectNothing(0) }), "got")
	r.end()
}

func TestNilWorker(t *testing.T) {
	t.Parallel()
	r := &recorder{TB: t}
	wantFailure(t, r.run(func() { consumertest.RunWorker(r, nil) }), "nil worker")
	r.end()
}

// What a consumer refuses, ReceiveJSON refuses into its message.
func TestReceiveJSONAsAConsumer(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`{"n":18446744073709551616}`, `{"n":1,"n":2}`, `{"n":"\ud800"}`} {
		_, refused := layer.ParseJSON([]byte(text))
		r := &recorder{TB: t}
		c := consumertest.NewWebsocketCommunicator(r, echo(), "/")
		c.Connect()
		c.SendText(text)
		var m consumer.Message
		failed := r.run(func() { c.ReceiveJSON(&m) })
		if (refused != nil) != (failed != "") {
			t.Errorf("%s: a consumer says %v, ReceiveJSON %q", text, refused, failed)
		}
		c.SendText("{}")
		wantFailure(t, r.run(func() { c.ReceiveJSON((*consumer.Message)(nil)) }), "nil *consumer.Message")
		r.end()
	}
}

// A diff shows numbers as numbers.
func TestDiffOfNumbers(t *testing.T) {
	t.Parallel()
	r := &recorder{TB: t}
	c := consumertest.NewWebsocketCommunicator(r, echo(), "/")
	c.Connect()
	c.SendText(`{"n":2,"text":"2"}`)
	wantFailure(t, r.run(func() { c.ExpectJSON(map[string]any{"n": 3, "text": "3"}) }), `number("3")`, `number("2")`, `string("3")`)
	r.end()
}
