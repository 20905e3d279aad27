package consumer_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/testing/consumertest"
)

// A request's context ends for other reasons than the client's leaving, such
// as middleware's time limit. A client that is there gets an answer.
func TestRequestContextEnds(t *testing.T) {
	t.Parallel()
	app := (&hooks{connect: func(ctx context.Context, _ *hooks) error { <-ctx.Done(); return ctx.Err() }}).handler(t, consumer.Options{})
	limited := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 10*time.Millisecond)
		defer cancel()
		app.ServeHTTP(w, r.WithContext(ctx))
	})
	consumertest.NewWebsocketCommunicator(t, limited, "/").ExpectRefused(503)
}

// When Accept has failed there is nothing to wait for: Connect's context ends,
// and a Connect that does not look at it holds up neither the server nor
// Shutdown for longer than ConnectTimeout.
func TestConnectAfterAFailedAccept(t *testing.T) {
	t.Parallel()
	for _, looks := range []bool{true, false} {
		t.Run(fmt.Sprint(looks), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				in, free, failed := make(chan struct{}), make(chan struct{}), make(chan error, 1)
				app := (&hooks{connect: func(ctx context.Context, c *hooks) error {
					close(in)
					time.Sleep(2 * time.Second) // in the bubble
					failed <- c.Accept(ctx)
					if looks {
						<-ctx.Done()
					} else {
						<-free
					}
					return nil
				}}).handler(t, consumer.Options{ConnectTimeout: 5 * time.Second})
				c := consumertest.NewWebsocketCommunicator(t, app, "/", &consumertest.Options{Timeout: time.Hour})
				shut, begun := make(chan error, 1), time.Now()
				go func() {
					<-in
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					shut <- consumer.Shutdown(ctx, app)
				}()
				c.ExpectRefused(503)
				if err := <-failed; err == nil {
					t.Error("Accept succeeds during Shutdown")
				}
				want := 2 * time.Second
				if !looks {
					want = 5 * time.Second
				}
				if took := time.Since(begun); took != want {
					t.Errorf("the refusal took %v, want %v", took, want)
				}
				close(free)
				if err := <-shut; err != nil {
					t.Errorf("Shutdown: %v", err)
				}
			})
		})
	}
}

// That no connection can be made is not kept from who has to mend it.
func TestFailedJoinIsLogged(t *testing.T) {
	t.Parallel()
	var out log
	l := new(layer.Memory)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	app := (&hooks{}).handler(t, consumer.Options{Layer: l, Groups: []string{"g"}, Logger: out.logger()})
	consumertest.NewWebsocketCommunicator(t, app, "/").ExpectRefused(503)
	if !strings.Contains(out.String(), "level=ERROR") {
		t.Errorf("logged: %q", out.String())
	}
}

// Subprotocols are as the client wrote them, RFC 6455 section 11.3.4, so those
// that differ in case are two.
func TestSubprotocolCase(t *testing.T) {
	t.Parallel()
	app := (&hooks{}).handler(t, consumer.Options{Subprotocols: []string{"v1.json"}})
	c := consumertest.NewWebsocketCommunicator(t, app, "/", &consumertest.Options{Subprotocols: []string{"V1.JSON", "v1.json"}})
	c.Connect()
	if got := c.Subprotocol(); got != "v1.json" {
		t.Errorf("agreed on %q", got)
	}
}

// sniffing is a connection as listeners make them that look at what comes: it
// has a TCPConn's methods, but reads in its own way.
type sniffing struct {
	*net.TCPConn
	br *bufio.Reader
}

func (c *sniffing) Read(p []byte) (int, error) { return c.br.Read(p) }

type sniffer struct{ net.Listener }

func (l sniffer) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &sniffing{conn.(*net.TCPConn), bufio.NewReaderSize(conn, 64<<10)}, nil
}

// The socket below a listener's own connections is left alone.
func TestListenersConnections(t *testing.T) {
	t.Parallel()
	app := (&hooks{receive: func(ctx context.Context, c *hooks, m consumer.Message) error { return c.SendJSON(ctx, m) }}).handler(t, consumer.Options{})
	srv := httptest.NewUnstartedServer(app)
	srv.Listener = sniffer{srv.Listener}
	srv.Start()
	defer srv.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	// Behind the handshake, so that the listener's buffer has all of it.
	all := "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
	const messages = 300
	for i := range messages {
		all += string(masked(0x81, fmt.Sprintf(`{"n":%d,"fill":"%s"}`, i, strings.Repeat("x", 40))))
	}
	if _, err := io.WriteString(conn, all); err != nil {
		t.Fatal(err)
	}
	br := bufio.NewReader(conn)
	if resp, err := http.ReadResponse(br, nil); err != nil || resp.StatusCode != 101 {
		t.Fatal(resp, err)
	}
	for i := range messages {
		head := make([]byte, 2)
		if _, err := io.ReadFull(br, head); err != nil {
			t.Fatalf("after %d of %d answers: %v", i, messages, err)
		}
		if _, err := br.Discard(int(head[1])); err != nil {
			t.Fatal(err)
		}
	}
}
