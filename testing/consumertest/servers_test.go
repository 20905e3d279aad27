package consumertest_test

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"testing"
)

// echo sends back what it gets.
func echo(subprotocols ...string) http.Handler {
	return serving(func(s *socket, _ *http.Request) error {
		for {
			f, err := s.read()
			if err != nil {
				return err
			}
			if err := s.write(f); err != nil {
				return err
			}
		}
	}, subprotocols...)
}

// serving runs f with each connection, and cuts it when f returns.
func serving(f func(*socket, *http.Request) error, subprotocols ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := accept(w, r, subprotocols...)
		if err != nil {
			return
		}
		_ = f(s, r)
		s.cut()
	})
}

// raw makes a right handshake and gives f the connection, which it closes when
// f returns.
func raw(f func(net.Conn, *bufio.Reader)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		answer := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
			base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n"
		hijack(answer, f).ServeHTTP(w, r)
	})
}

// hijack answers the handshake with these bytes.
func hijack(answer string, f func(net.Conn, *bufio.Reader)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, answer)
		f(conn, rw.Reader)
	})
}

// saying sends these bytes after the handshake, then waits for the client.
func saying(s string) http.Handler {
	return raw(func(conn net.Conn, br *bufio.Reader) {
		_, _ = io.WriteString(conn, s)
		_, _ = io.Copy(io.Discard, br)
	})
}

func readAll(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
