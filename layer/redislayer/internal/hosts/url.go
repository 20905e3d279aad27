package hosts

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// parseURL returns the arguments in a URL, which it reads as redis-py does: what is beyond the last '@' is the host, and
// a password may have any characters but '/', '?' and '#', percent-encoded or not. net/url refuses many of those.
func parseURL(s string) (args arguments, warning string, err error) {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return nil, "", errors.New("the URL has no scheme: redis://, rediss:// or unix://")
	}
	rest, _, _ = strings.Cut(rest, "#")
	rest, query, _ := strings.Cut(rest, "?")
	args = queryArguments(query)
	authority, path := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		authority, path = rest[:i], unquote(rest[i:])
	}
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		username, password, _ := strings.Cut(authority[:at], ":")
		args.set("username", unquote(username))
		args.set("password", unquote(password))
		authority = authority[at+1:]
	}
	switch scheme {
	case "unix":
		if path == "" {
			return nil, "", errors.New("the URL has no path of a socket")
		}
		args["path"] = path
		return args, "", nil
	case "rediss":
		args["ssl"] = true
	case "redis":
	default:
		return nil, "", fmt.Errorf("the URL's scheme is %q, not redis, rediss or unix", scheme)
	}
	if err := args.setAuthority(authority); err != nil {
		return nil, "", err
	}
	if db := strings.ReplaceAll(path, "/", ""); db != "" && args["db"] == nil {
		if n, err := strconv.Atoi(db); err == nil {
			args["db"] = n
		} else {
			warning = "the URL's path is no number of a database: ignored, as redis-py does"
		}
	}
	return args, warning, nil
}

func (a arguments) set(name, value string) {
	if value != "" {
		a[name] = value
	}
}

func (a arguments) setAuthority(authority string) error {
	host, port := authority, ""
	if i := strings.LastIndexByte(authority, ':'); i > strings.LastIndexByte(authority, ']') {
		host, port = authority[:i], authority[i+1:]
	}
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host = host[1 : len(host)-1]
	}
	if strings.ContainsAny(host, "[]:") && net.ParseIP(host) == nil {
		return errors.New("the URL's host is not valid; does the password have a '/', '?' or '#' that is not percent-encoded?")
	}
	a.set("host", strings.ToLower(unquote(host)))
	a.set("port", port)
	if _, err := a.port(); err != nil {
		return errors.New("the URL's port is not valid; does the password have a '/', '?' or '#' that is not percent-encoded?")
	}
	return nil
}

func queryArguments(query string) arguments {
	args := arguments{}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if name = unquote(name); name != "" && value != "" && args[name] == nil {
			args[name] = unquote(strings.ReplaceAll(value, "+", " "))
		}
	}
	return args
}

// unquote decodes percent escapes, and leaves what are none.
func unquote(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func dialUnix(ctx context.Context, path string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
	return d.DialContext(ctx, "unix", path)
}
