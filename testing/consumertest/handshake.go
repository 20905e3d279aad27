package consumertest

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 6455 asks for it
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const defaultHost = "example.test"

// parseTarget takes a path with an optional query, or a whole URL.
func parseTarget(target string) (*url.URL, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	switch {
	case u.Scheme == "" && u.Host == "" && strings.HasPrefix(target, "/"):
		u.Scheme, u.Host = "ws", defaultHost
	case u.Host != "" && slices.Contains([]string{"ws", "wss", "http", "https"}, u.Scheme):
		u.Scheme = strings.Replace(u.Scheme, "http", "ws", 1)
	default:
		return nil, fmt.Errorf(`path %q: want one that begins with "/" and not with "//", or a whole ws:// URL`, target)
	}
	return u, nil
}

// newRequest makes the handshake a browser would send from a page of the same
// host, changed as opts says.
func newRequest(u *url.URL, opts *Options) *http.Request {
	var key [16]byte
	_, _ = rand.Read(key[:]) // never fails
	r := &http.Request{
		Method: http.MethodGet,
		URL:    u,
		Host:   u.Host,
		Header: http.Header{
			"Connection":            {"Upgrade"},
			"Upgrade":               {"websocket"},
			"Sec-Websocket-Key":     {base64.StdEncoding.EncodeToString(key[:])},
			"Sec-Websocket-Version": {"13"},
		},
	}
	if len(opts.Subprotocols) > 0 {
		r.Header.Set("Sec-WebSocket-Protocol", strings.Join(opts.Subprotocols, ", "))
	}
	for name, values := range opts.Header {
		if http.CanonicalHeaderKey(name) == "Host" && len(values) > 0 {
			r.Host = values[0]
		}
	}
	r.Header.Set("Origin", strings.Replace(u.Scheme, "ws", "http", 1)+"://"+r.Host)
	for name, values := range opts.Header {
		name = http.CanonicalHeaderKey(name)
		switch {
		case len(values) == 0 && name == "User-Agent":
			r.Header[name] = []string{""} // else Request.Write puts in its own
		case len(values) == 0:
			delete(r.Header, name)
		case name != "Host":
			r.Header[name] = values
		}
	}
	return r
}

// shake sends the request and returns the answer to it, its body read. An
// upgrade that is not as RFC 6455 has it is a violationError.
func shake(conn net.Conn, br *bufio.Reader, r *http.Request) (*http.Response, error) {
	if err := r.Write(conn); err != nil {
		return nil, fmt.Errorf("sending the handshake: %w", err)
	}
	res, err := http.ReadResponse(br, r)
	for err == nil && res.StatusCode < 200 && res.StatusCode != http.StatusSwitchingProtocols {
		res, err = http.ReadResponse(br, r)
	}
	if err != nil {
		return nil, fmt.Errorf("the server cut the connection without an answer (did the handler panic?): %w", err)
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		res.Body = http.NoBody
		return res, checkUpgrade(r, res)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the body of the answer %s: %w", res.Status, err)
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}

func checkUpgrade(r *http.Request, res *http.Response) error {
	key := r.Header.Get("Sec-WebSocket-Key")
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // see above
	accept := base64.StdEncoding.EncodeToString(sum[:])
	offered := tokens(r.Header, "Sec-Websocket-Protocol")
	switch chosen := res.Header.Values("Sec-WebSocket-Protocol"); {
	case !strings.EqualFold(res.Header.Get("Upgrade"), "websocket"):
		return violation("the answer 101 has the Upgrade header %q", res.Header.Get("Upgrade"))
	case !slices.ContainsFunc(tokens(res.Header, "Connection"), func(s string) bool { return strings.EqualFold(s, "upgrade") }):
		return violation("the answer 101 has the Connection header %q", res.Header.Get("Connection"))
	case res.Header.Get("Sec-WebSocket-Accept") != accept:
		return violation("the answer 101 has the wrong Sec-WebSocket-Accept %q", res.Header.Get("Sec-WebSocket-Accept"))
	case res.Header.Get("Sec-WebSocket-Extensions") != "":
		return violation("an extension that was not offered: %q", res.Header.Get("Sec-WebSocket-Extensions"))
	case len(chosen) > 1, len(chosen) == 1 && !slices.Contains(offered, chosen[0]):
		return violation("the subprotocol %q, offered were %q", chosen, offered)
	}
	return nil
}

// tokens returns the elements of a header that is a list, in one line or several.
func tokens(h http.Header, name string) []string {
	var all []string
	for s := range strings.SplitSeq(strings.Join(h[name], ","), ",") {
		all = append(all, strings.TrimSpace(s))
	}
	return all
}
