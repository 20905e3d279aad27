package consumer

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// origins decides which pages may connect. A browser sends the page's origin
// with a handshake and can't be made to leave it out; anything but a browser
// can send what it likes. See [Options.Origins].
type origins struct {
	patterns []originPattern
	any      bool
	require  bool
}

type originPattern struct {
	scheme string // "": any
	host   string // without port; "" with sub: no match
	port   string // "": any, or the scheme's own if there is a scheme
	self   bool   // the host itself matches
	sub    bool   // its subdomains match
}

func newOrigins(list []string, require bool) (origins, error) {
	o := origins{require: require}
	var faults []error
	for _, text := range list {
		if text == "*" {
			o.any = true
			continue
		}
		p, err := parseOrigin(text)
		if err != nil {
			faults = append(faults, err)
		}
		o.patterns = append(o.patterns, p)
	}
	return o, errors.Join(faults...)
}

func parseOrigin(text string) (originPattern, error) {
	fail := func(why string) (originPattern, error) {
		return originPattern{}, fmt.Errorf("consumer: Options.Origins: %.60q %s", text, why)
	}
	p := originPattern{self: true}
	host := strings.ToLower(text)
	if scheme, rest, found := strings.Cut(host, "://"); found {
		p.scheme, host = scheme, rest
		if scheme == "" {
			return fail("has no scheme before ://")
		}
	}
	if strings.Contains(host, "/") {
		return fail("has a path, which origins don't have: leave out what begins with /")
	}
	switch {
	case strings.HasPrefix(host, "*."):
		host, p.self, p.sub = host[2:], false, true
	case strings.HasPrefix(host, "."):
		host, p.sub = host[1:], true
	}
	u, err := url.Parse("//" + host)
	if err != nil || u.Host != host || u.Hostname() == "" || strings.ContainsAny(host, "*@ ") {
		return fail(`is not a host, ".host", "*.host", or one of these with a scheme before and a port behind`)
	}
	p.host, p.port = u.Hostname(), u.Port()
	if p.port == "" && p.scheme != "" {
		p.port = defaultPort(p.scheme)
	}
	return p, nil
}

// allowed reports whether r's origin may connect.
func (o *origins) allowed(r *http.Request) bool {
	if o.any {
		return true
	}
	lines := r.Header["Origin"]
	if len(lines) == 0 {
		return !o.require
	}
	if len(lines) > 1 {
		return false
	}
	u, err := url.Parse(lines[0])
	if err != nil || u.Scheme == "" || u.Hostname() == "" || u.User != nil {
		return false
	}
	scheme, host, port := strings.ToLower(u.Scheme), strings.ToLower(u.Hostname()), u.Port()
	if port == "" {
		port = defaultPort(scheme)
	}
	if len(o.patterns) == 0 {
		return sameHost(scheme, host, port, r.Host)
	}
	for _, p := range o.patterns {
		if p.matches(scheme, host, port) {
			return true
		}
	}
	return false
}

func (p originPattern) matches(scheme, host, port string) bool {
	if p.scheme != "" && p.scheme != scheme || p.port != "" && p.port != port {
		return false
	}
	return p.self && host == p.host || p.sub && strings.HasSuffix(host, "."+p.host)
}

// sameHost compares with the host the request was sent to, which does not tell
// the scheme a proxy may have taken off.
func sameHost(scheme, host, port, requested string) bool {
	u, err := url.Parse("//" + requested)
	if err != nil {
		return false
	}
	own := u.Port()
	if own == "" {
		own = defaultPort(scheme)
	}
	return strings.ToLower(u.Hostname()) == host && own == port
}

func defaultPort(scheme string) string {
	switch scheme {
	case "http", "ws":
		return "80"
	case "https", "wss":
		return "443"
	}
	return ""
}
