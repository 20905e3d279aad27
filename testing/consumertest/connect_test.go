package consumertest_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/testing/consumertest"
)

func TestConnectGoesThroughMux(t *testing.T) {
	t.Parallel()
	seen := make(chan *http.Request, 1)
	mux := http.NewServeMux()
	mux.Handle("/rooms/{room}/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Clone(r.Context())
		echo().ServeHTTP(w, r)
	}))
	c := consumertest.NewWebsocketCommunicator(t, mux, "/rooms/caf%C3%A9/?token=a%20b#part", nil)
	if res := c.Connect(); res.StatusCode != http.StatusSwitchingProtocols {
		t.Errorf("status %d, want 101", res.StatusCode)
	}
	r := <-seen
	want := []string{"café", "/rooms/café/", "token=a%20b", "example.test", "http://example.test", "192.0.2.1:50000", ""}
	got := []string{
		r.PathValue("room"), r.URL.Path, r.URL.RawQuery, r.Host, r.Header.Get("Origin"), r.RemoteAddr,
		r.Header.Get("Sec-WebSocket-Extensions"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("request mismatch (-want +got):\n%s", diff)
	}
	if local := r.Context().Value(http.LocalAddrContextKey).(net.Addr).String(); local != "192.0.2.2:80" {
		t.Errorf("local address %s", local)
	}
	c.Disconnect()
}

func TestConnectSendsHostHeadersAndCookies(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		target string
		header http.Header
		want   []string // host, origin, cookie, authorization
	}{
		{"default", "/", nil, []string{"example.test", "http://example.test", "", ""}},
		{"cookie", "/", http.Header{"Cookie": {"sessionid=abc; csrf=d"}}, []string{"example.test", "http://example.test", "abc", ""}},
		{"lower case", "/", http.Header{"authorization": {"Bearer x"}}, []string{"example.test", "http://example.test", "", "Bearer x"}},
		{"other origin", "/", http.Header{"Origin": {"http://evil.test"}}, []string{"example.test", "http://evil.test", "", ""}},
		{"no origin", "/", http.Header{"Origin": nil}, []string{"example.test", "", "", ""}},
		{"host", "/", http.Header{"Host": {"tenant.test"}}, []string{"tenant.test", "http://tenant.test", "", ""}},
		{"url", "ws://tenant.test:8000/", nil, []string{"tenant.test:8000", "http://tenant.test:8000", "", ""}},
		{"wss url", "wss://tenant.test/", nil, []string{"tenant.test", "https://tenant.test", "", ""}},
		{"https url", "https://tenant.test", nil, []string{"tenant.test", "https://tenant.test", "", ""}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := make(chan []string, 1)
			app := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				session := ""
				if c, err := r.Cookie("sessionid"); err == nil {
					session = c.Value
				}
				got <- []string{r.Host, r.Header.Get("Origin"), session, r.Header.Get("Authorization")}
			})
			c := consumertest.NewWebsocketCommunicator(t, app, test.target, &consumertest.Options{Header: test.header})
			c.ExpectRefused(http.StatusOK)
			if diff := cmp.Diff(test.want, <-got); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestConnectPutsValuesInContext(t *testing.T) {
	t.Parallel()
	type userKey struct{}
	app := serving(func(s *socket, r *http.Request) error {
		user, _ := r.Context().Value(userKey{}).(string)
		return s.write(consumer.TextFrame(user))
	})
	login := func(ctx context.Context) context.Context { return context.WithValue(ctx, userKey{}, "ada") }
	c := consumertest.NewWebsocketCommunicator(t, app, "/", &consumertest.Options{Context: login})
	c.Connect()
	c.ExpectText("ada")
}

func TestConnectReturnsSubprotocolAndHeaders(t *testing.T) {
	t.Parallel()
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "seen", Value: "1"})
		echo("v2", "v1").ServeHTTP(w, r)
	})
	for _, test := range []struct {
		offered []string
		want    string
	}{{[]string{"v1", "v2"}, "v2"}, {[]string{"v1"}, "v1"}, {[]string{"v3"}, ""}, {nil, ""}} {
		c := consumertest.NewWebsocketCommunicator(t, app, "/", &consumertest.Options{Subprotocols: test.offered})
		if got := c.Subprotocol(); got != "" {
			t.Errorf("subprotocol %q before Connect", got)
		}
		res := c.Connect()
		if got := c.Subprotocol(); got != test.want {
			t.Errorf("offered %q: got the subprotocol %q, want %q", test.offered, got, test.want)
		}
		if cookies := res.Cookies(); len(cookies) != 1 || cookies[0].Value != "1" {
			t.Errorf("got the cookies %v", cookies)
		}
		c.Disconnect()
	}
}

func TestExpectRefusedGivesStatusHeadersBody(t *testing.T) {
	t.Parallel()
	app := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusServiceUnavailable)
		for i := range 3 {
			fmt.Fprintf(w, "line %d\n", i)
			_ = http.NewResponseController(w).Flush() // chunked
		}
	})
	c := consumertest.NewWebsocketCommunicator(t, app, "/")
	res := c.ExpectRefused(http.StatusServiceUnavailable)
	got := []string{res.Status, res.Header.Get("Retry-After"), readAll(t, res.Body)}
	want := []string{"503 Service Unavailable", "7", "line 0\nline 1\nline 2\n"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if _, err := c.Receive(t.Context()); err == nil {
		t.Error("Receive on a refused connection gives no error")
	}
	c.Disconnect() // does nothing
	c.CloseNow()
}

func TestConnectSkipsInformationalAnswers(t *testing.T) {
	t.Parallel()
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		echo().ServeHTTP(w, r)
	})
	c := consumertest.NewWebsocketCommunicator(t, app, "/")
	c.Connect()
	c.Disconnect()
}

func TestConnectFailsTest(t *testing.T) {
	t.Parallel()
	const upgrade = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	nothing := func(net.Conn, *bufio.Reader) {}
	panics := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oh dear") })
	connect := func(c *consumertest.WebsocketCommunicator) { c.Connect() }
	tests := []struct {
		name string
		app  http.Handler
		path string
		do   func(*consumertest.WebsocketCommunicator)
		want string
	}{
		{"refused", http.NotFoundHandler(), "/", connect, `/: Connect: refused with 404 Not Found: "404 page not found\n"`},
		{"panic", panics, "/", connect, "did the handler panic?"},
		{"cut", hijack("HTTP/1.1 101", nothing), "/", connect, "unexpected EOF"},
		{"body cut", hijack("HTTP/1.1 403 No\r\nContent-Length: 9\r\n\r\nabc", nothing), "/", connect, "reading the body"},
		{"no accept key", hijack(upgrade+"\r\n", nothing), "/", connect, "wrong Sec-WebSocket-Accept"},
		{"no upgrade", hijack("HTTP/1.1 101 X\r\n\r\n", nothing), "/", connect, `Upgrade header ""`},
		{"no connection", hijack("HTTP/1.1 101 X\r\nUpgrade: WebSocket\r\n\r\n", nothing), "/", connect, `Connection header ""`},
		{"not refused", echo(), "/", func(c *consumertest.WebsocketCommunicator) { c.ExpectRefused(403) }, "connected, want a refusal with 403"},
		{"other status", http.NotFoundHandler(), "/", func(c *consumertest.WebsocketCommunicator) { c.ExpectRefused(403) }, "want 403, got 404 Not Found"},
		{"twice", echo(), "/", func(c *consumertest.WebsocketCommunicator) { c.Connect(); c.Connect() }, "a communicator connects once"},
		{"refused after connect", echo(), "/", func(c *consumertest.WebsocketCommunicator) { c.Connect(); c.ExpectRefused(403) }, "connects once"},
		{"no slash", echo(), "taxi/", connect, `path "taxi/": want one that begins with "/"`},
		{"empty", echo(), "", connect, "want one that begins"},
		{"scheme", echo(), "ftp://a.test/", connect, "want one that begins"},
		{"not a path", echo(), "/%zz", connect, "invalid URL escape"},
		{"nil handler", nil, "/", connect, "nil handler"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := &recorder{TB: t}
			wantFailure(t, r.run(func() { test.do(consumertest.NewWebsocketCommunicator(r, test.app, test.path)) }), test.want)
			wantNoFailure(t, r.end())
		})
	}
}

func TestConnectRefusesUnofferedUpgrades(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{"Sec-WebSocket-Protocol": "v9", "Sec-WebSocket-Extensions": "permessage-deflate"} {
		app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(name, value)
			echo().ServeHTTP(w, r)
		})
		r := &recorder{TB: t}
		failed := r.run(func() {
			consumertest.NewWebsocketCommunicator(r, app, "/", &consumertest.Options{Subprotocols: []string{"v1"}}).Connect()
		})
		wantFailure(t, failed, "broke the WebSocket protocol", value)
		r.end()
	}
}

func TestPanicIsInTestLog(t *testing.T) {
	t.Parallel()
	r := &recorder{TB: t}
	app := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oh dear") })
	r.run(func() { consumertest.NewWebsocketCommunicator(r, app, "/").Connect() })
	r.end()
	wantFailure(t, fmt.Sprint(r.logs), "panic serving 192.0.2.1:50000: oh dear", "connect_test.go")
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	r := &recorder{TB: t}
	for _, opts := range [][]*consumertest.Options{{nil, nil}, {{Timeout: -1}}} {
		wantFailure(t, r.run(func() { consumertest.NewWebsocketCommunicator(r, echo(), "/", opts...) }), "/: NewWebsocketCommunicator: ")
	}
	wantNoFailure(t, r.run(func() { consumertest.NewWebsocketCommunicator(r, echo(), "/", nil) }))
	wantNoFailure(t, r.end())
}

func TestConnectTimeoutKillsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		proceed := make(chan struct{})
		app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-proceed
			echo().ServeHTTP(w, r)
		})
		r := &recorder{TB: t}
		var c *consumertest.WebsocketCommunicator
		failed := r.run(func() {
			c = consumertest.NewWebsocketCommunicator(r, app, "/")
			c.Connect()
		})
		wantFailure(t, failed, "no answer to the handshake within 6s")
		wantFailure(t, r.run(func() { c.SendText("early") }), "SendText: not connected")
		close(proceed)
		wantNoFailure(t, r.run(func() {
			c.Connect()
			c.SendText("hello")
			c.ExpectText("hello")
			c.Disconnect()
		}))
		wantNoFailure(t, r.end())
	})
}
