package transport_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gochannels/channels/consumer/internal/transport"
)

// dialTLS connects to s over TLS, where frames take the portable way.
func (s *server) dialTLS(t *testing.T, secure *httptest.Server, headers string) *raw {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	conn, err := tls.Dial("tcp", secure.Listener.Addr().String(), &tls.Config{RootCAs: roots, ServerName: "example.com"})
	if err != nil {
		t.Fatal(err)
	}
	return upgrade(t, conn, headers, "")
}

// What holds for TCP holds for TLS: RFC 6455 section 10.6.
func TestOverTLS(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *transport.Settings) { s.Compression, s.ReadLimit, s.QueueBytes = true, 1<<20, 64<<20 }, nil)
	secure := httptest.NewTLSServer(s.Config.Handler)
	t.Cleanup(secure.Close)
	t.Run("echoes, pings and fragments", func(t *testing.T) {
		c := s.dialTLS(t, secure, permessageDeflate)
		for _, n := range []int{0, 1, 125, 126, 4096, 65535, 65536, 1 << 20} {
			p := strings.Repeat("\xfe", n)
			c.send(frame(0x02, p[:n/3]), frame(0x89, "between"), frame(0x80, p[n/3:]))
			c.expect(0x8A, "between")
			if first, got := c.next(); first == 0xC2 && inflated(t, got) != p || first == 0x82 && got != p {
				t.Fatalf("frame %#x of %d bytes, want %d", first, len(got), n)
			}
		}
	})
	t.Run("order in a storm, and the close frame last", func(t *testing.T) {
		for len(s.conns) > 0 {
			<-s.conns
		}
		c := s.dialTLS(t, secure, "")
		conn := <-s.conns
		go func() {
			for i := range 2000 {
				if err := conn.Send(transport.NewFrame(false, fmt.Append(nil, i, filling(i, i))), i%3 == 0); err != nil {
					t.Error(err)
				}
			}
			conn.Close(4000, "done")
		}()
		for i := range 2000 {
			c.expect(0x81, fmt.Sprint(i, filling(i, i)))
		}
		c.expect(0x88, closePayload(4000, "done"))
		c.send(frame(0x88, closePayload(4000, "")))
		if first, _, err := c.read(); err == nil {
			t.Errorf("frame %#x after the close frame", first)
		}
	})
	for name, test := range map[string]struct {
		send string
		code int
	}{
		"a fault":             {string(frame(0x83, "")), 1002},
		"text that has begun": {string(frame(0x81, "\xff"+strings.Repeat("x", 500))[:9]), 1007},
		"too much":            {"\x82\xff\x00\x00\x00\x00\x00\x10\x00\x01mask", 1009},
		"a close frame":       {string(frame(0x88, closePayload(3333, "bye"))), 3333},
	} {
		for _, leaves := range []bool{false, true} { // and says so at once
			t.Run(fmt.Sprint(name, ", leaves ", leaves), func(t *testing.T) {
				for range 10 {
					c := s.dialTLS(t, secure, "")
					c.send([]byte(test.send))
					if leaves {
						c.Conn.(*tls.Conn).CloseWrite()
					}
					first, p, err := c.read()
					if first != 0x88 || p != closePayload(test.code, "") {
						t.Fatalf("frame %#x %x, %v", first, p, err)
					}
					if first, _, err := c.read(); err == nil && !leaves {
						t.Errorf("frame %#x after the close frame", first)
					}
					c.Close()
				}
			})
		}
	}
}

// A client that does not read is cut off, though TLS may be inside a record.
func TestStalledClientOverTLS(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *transport.Settings) { s.WriteTimeout, s.QueueBytes = 100*time.Millisecond, 64<<20 }, nil)
	secure := httptest.NewTLSServer(s.Config.Handler)
	t.Cleanup(secure.Close)
	s.dialTLS(t, secure, "")
	conn := <-s.conns
	f := transport.NewFrame(true, make([]byte, 1<<20))
	for range 60 {
		if err := conn.Send(f, false); errors.Is(err, transport.ErrClosed) {
			break
		}
	}
	s.expectEnd(t, transport.CodeAbnormal, transport.CauseWriteTimeout)
}
