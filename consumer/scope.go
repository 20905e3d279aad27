package consumer

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/gochannels/channels/consumer/internal/transport"
)

// Scope is what is known of a connection's handshake: Channels' scope. Its
// fields must not be changed. A worker's consumer has one with Channel alone.
type Scope struct {
	Method     string
	URL        *url.URL
	Host       string
	Header     http.Header
	RemoteAddr string
	TLS        *tls.ConnectionState // nil without TLS
	Channel    string               // the named channel a worker serves

	pathValues []string // name, value, ...
	request    atomic.Pointer[http.Request]
}

func newScope(r *http.Request) *Scope {
	s := &Scope{
		Method:     r.Method,
		URL:        r.URL,
		Host:       r.Host,
		Header:     r.Header,
		RemoteAddr: r.RemoteAddr,
		TLS:        r.TLS,
		pathValues: pathValues(r),
	}
	s.request.Store(r)
	return s
}

// PathValue returns the value of a wildcard in the pattern that matched the
// request, as http.Request.PathValue does. What a router has set without a
// pattern, it knows during Connect only.
func (s *Scope) PathValue(name string) string {
	for i := 0; i < len(s.pathValues); i += 2 {
		if s.pathValues[i] == name {
			return s.pathValues[i+1]
		}
	}
	if r := s.request.Load(); r != nil { // set by a router without a pattern
		return r.PathValue(name)
	}
	return ""
}

// Request returns the request during Connect, and nil afterwards: it belongs
// to net/http, and parts of it to the router, which use them again.
func (s *Scope) Request() *http.Request { return s.request.Load() }

// Subprotocols returns what the client offers, in its order of preference.
func (s *Scope) Subprotocols() []string {
	return transport.Tokens(s.Header["Sec-Websocket-Protocol"])
}

// Cookie returns the first cookie of that name, or http.ErrNoCookie.
func (s *Scope) Cookie(name string) (*http.Cookie, error) {
	return (&http.Request{Header: s.Header}).Cookie(name)
}

// pathValues copies the request's path values. A request tells their names
// through its pattern only: "{name}", "{name...}", and chi's "{name:regexp}".
func pathValues(r *http.Request) []string {
	var values []string
	pattern := r.Pattern
	for {
		_, rest, found := strings.Cut(pattern, "{")
		if !found {
			return values
		}
		n := strings.IndexFunc(rest, func(c rune) bool { return c == '}' || c == ':' || c == '.' })
		if n < 0 {
			return values
		}
		if name := rest[:n]; name != "$" {
			values = append(values, name, r.PathValue(name))
		}
		pattern = rest[n:]
	}
}
