package consumer_test

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/testing/consumertest"
)

// goroutine returns the calling goroutine and its number.
func goroutine() string {
	buf := make([]byte, 64)
	line, _, _ := strings.Cut(string(buf[:runtime.Stack(buf, false)]), "[")
	return line
}

// A goroutine whose Connect is over runs the next one while there are
// connections, with that request's labels, and ends soon if there is none.
func TestConnectorsAreUsedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var ran []string
		h := (&hooks{connect: func(ctx context.Context, _ *hooks) error {
			label, _ := pprof.Label(ctx, "user")
			var profile strings.Builder
			pprof.Lookup("goroutine").WriteTo(&profile, 1)
			if n := strings.Count(profile.String(), `"user":"`+label+`"`); n != 2 {
				t.Errorf("%d goroutines have the label of %s, not ServeHTTP's and Connect's", n, label)
			}
			ran = append(ran, goroutine())
			return nil
		}}).handler(t, consumer.Options{PingInterval: time.Hour})
		app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			pprof.Do(r.Context(), pprof.Labels("user", r.URL.Query().Get("user")), func(ctx context.Context) {
				h.ServeHTTP(w, r.WithContext(ctx))
			})
		})
		connect := func(user string) *consumertest.WebsocketCommunicator {
			c := consumertest.NewWebsocketCommunicator(t, app, "/?user="+user, &consumertest.Options{Timeout: time.Hour})
			c.Connect()
			synctest.Wait()
			return c
		}
		first := connect("ann")
		connect("bob").Disconnect()
		time.Sleep(99 * time.Millisecond) // in the bubble
		connect("dan").Disconnect()
		if ran[0] != ran[1] || ran[0] != ran[2] {
			t.Errorf("ann's, bob's and dan's Connect ran in %q", ran)
		}
		time.Sleep(101 * time.Millisecond) // in the bubble
		connect("eve").Disconnect()
		if ran[3] == ran[0] {
			t.Error("a goroutine that has ended runs eve's Connect")
		}
		first.Disconnect()
	})
}

// slowly is a ResponseWriter whose connection is taken over after a while.
type slowly struct{ http.ResponseWriter }

func (s slowly) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	time.Sleep(time.Minute) // in the bubble
	return http.NewResponseController(s.ResponseWriter).Hijack()
}

// An answer under way is no refusal, though Connect has returned and its time
// is over meanwhile.
func TestAcceptFromElsewhere(t *testing.T) {
	t.Parallel()
	for name, last := range map[string]time.Duration{"Connect returns": time.Second, "Connect runs on": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				accepted := make(chan error, 1)
				h := (&hooks{connect: func(ctx context.Context, c *hooks) error {
					go func() { accepted <- c.Accept(ctx) }()
					time.Sleep(last) // in the bubble
					return nil
				}}).handler(t, consumer.Options{ConnectTimeout: 30 * time.Second})
				app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(slowly{w}, r) })
				c := consumertest.NewWebsocketCommunicator(t, app, "/", &consumertest.Options{Timeout: 2 * time.Hour})
				c.Connect()
				if err := <-accepted; err != nil {
					t.Errorf("Accept: %v", err)
				}
				c.Disconnect()
				if s := h.Stats(); s.Accepted != 1 || len(s.Refused) != 0 {
					t.Errorf("%d accepted, refused %v", s.Accepted, s.Refused)
				}
			})
		})
	}
}
