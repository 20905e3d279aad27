//lint:file-ignore SA1019 The project is built on this library; it is imported here and nowhere else.

package transport

import (
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"strings"

	"nhooyr.io/websocket"
)

// CheckRequest says what is wrong with an opening handshake: a status other
// than 0, and a text for the client. It sets the headers that RFC 6455 section
// 4.2.2 and RFC 9110 ask for with that status.
func CheckRequest(h http.Header, r *http.Request) (status int, text string) {
	switch {
	case r.ProtoMajor != 1 || r.ProtoMinor < 1:
		return http.StatusHTTPVersionNotSupported, "a WebSocket handshake needs HTTP/1.1"
	case !hasToken(r.Header["Connection"], "upgrade") || !hasToken(r.Header["Upgrade"], "websocket"):
		h.Set("Connection", "Upgrade")
		h.Set("Upgrade", "websocket")
		return http.StatusUpgradeRequired, "this address speaks WebSocket"
	case r.Method != http.MethodGet:
		h.Set("Allow", http.MethodGet)
		return http.StatusMethodNotAllowed, "a WebSocket handshake is a GET request"
	case len(r.Header["Sec-Websocket-Version"]) != 1 || strings.TrimSpace(r.Header["Sec-Websocket-Version"][0]) != "13":
		h.Set("Sec-WebSocket-Version", "13")
		return http.StatusBadRequest, "only WebSocket version 13 is spoken here"
	}
	keys := r.Header["Sec-Websocket-Key"]
	if len(keys) != 1 {
		return http.StatusBadRequest, "a WebSocket handshake needs one Sec-WebSocket-Key"
	}
	if k, err := base64.StdEncoding.DecodeString(strings.TrimSpace(keys[0])); err != nil || len(k) != 16 {
		return http.StatusBadRequest, "Sec-WebSocket-Key is not 16 bytes in base64"
	}
	return 0, ""
}

// CanHijack reports whether the connection behind w can be taken over.
// Middleware that wraps a ResponseWriter and has neither Hijack nor Unwrap
// stands in the way.
func CanHijack(w http.ResponseWriter) bool {
	for {
		switch v := w.(type) {
		case http.Hijacker:
			return true
		case interface{ Unwrap() http.ResponseWriter }:
			w = v.Unwrap()
		default:
			return false
		}
	}
}

// Tokens splits the comma-separated lists of a header's lines.
func Tokens(lines []string) []string {
	var tokens []string
	for _, line := range lines {
		for token := range strings.SplitSeq(line, ",") {
			if token = strings.TrimSpace(token); token != "" {
				tokens = append(tokens, token)
			}
		}
	}
	return tokens
}

func hasToken(lines []string, want string) bool {
	for _, line := range lines {
		for token := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(token), want) {
				return true
			}
		}
	}
	return false
}

// Accept answers a handshake that CheckRequest passed and takes the connection
// over. Headers set on w go out with the answer. subprotocol is one the client
// offered, or empty. After an error a response has been written where that was
// possible. The request and net/http's buffers are not kept.
func Accept(w http.ResponseWriter, r *http.Request, subprotocol string, s *Settings, owner Owner) (*Conn, error) {
	opts := &websocket.AcceptOptions{InsecureSkipVerify: true, CompressionMode: websocket.CompressionDisabled}
	deflate := 0
	if s.Compression {
		var answer string
		if answer, deflate = agree(r.Header["Sec-Websocket-Extensions"]); answer != "" {
			w.Header().Set("Sec-WebSocket-Extensions", answer)
		}
	}
	if subprotocol != "" {
		w.Header().Set("Sec-WebSocket-Protocol", subprotocol) // the library would ignore its case
	}
	h := &hijacker{ResponseWriter: w, bare: isBare(w), timeout: s.WriteTimeout}
	lib, err := websocket.Accept(h, r, opts)
	if err == nil {
		err = h.answer()
		// The library's connection is closed already: this ends its goroutine.
		if closed := lib.CloseNow(); err == nil && !errors.Is(closed, net.ErrClosed) {
			err = closed
		}
	}
	if err != nil {
		if h.conn != nil {
			h.conn.Close()
		}
		return nil, err
	}
	c := newConn(h.conn, h.early, deflate, s, owner)
	c.sub = subprotocol
	return c, nil
}
