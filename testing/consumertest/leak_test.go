package consumertest_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gochannels/channels/testing/consumertest"
)

func TestLeaksFailTest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, testLeaks)
}

func testLeaks(t *testing.T) {
	block := make(chan struct{})
	disconnect := func(c *consumertest.WebsocketCommunicator) { c.Disconnect() }
	nothing := func(*consumertest.WebsocketCommunicator) {}
	stuck := func(context.Context) { <-block }
	keeps := raw(func(_ net.Conn, br *bufio.Reader) { _, _ = io.Copy(io.Discard, br); <-block })
	lingers := serving(func(s *socket, _ *http.Request) error {
		_, err := s.read()
		s.cut()
		<-block
		return err
	})
	tests := []struct {
		name     string
		app      http.Handler
		do       func(*consumertest.WebsocketCommunicator)
		run, end string
	}{
		{"consumer", detached(stuck), disconnect, "Disconnect: the consumer has not ended", ""},
		{"consumer at cleanup", detached(stuck), nothing, "", "the test has ended, but the consumer has not ended"},
		{"consumer cut", detached(stuck), (*consumertest.WebsocketCommunicator).CloseNow, "CloseNow: the consumer has not ended", ""},
		{"handler", lingers, disconnect, "Disconnect: ServeHTTP has not returned", ""},
		{"handler at cleanup", lingers, nothing, "", "the test has ended, but ServeHTTP has not returned"},
		{"socket", keeps, disconnect, "has not closed the connection within 1s of the close frame", "the handler has not closed the connection"},
		{"socket at cleanup", keeps, nothing, "", "the test has ended, but the handler has not closed the connection"},
	}
	for _, test := range tests {
		r := &recorder{TB: t}
		failed := r.run(func() {
			c := consumertest.NewWebsocketCommunicator(r, test.app, "/leak", &consumertest.Options{Timeout: time.Second})
			c.Connect()
			test.do(c)
		})
		ended := r.end()
		for _, check := range []struct{ got, want string }{{failed, test.run}, {ended, test.end}} {
			switch {
			case check.want == "":
				wantNoFailure(t, check.got)
			case strings.Contains(check.want, "close frame"):
				wantFailure(t, check.got, check.want)
			default: // it says where the goroutine is
				wantFailure(t, check.got, "/leak: ", check.want, "leak_test.go")
			}
		}
	}
	close(block)
}
