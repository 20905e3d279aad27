// Package hosts reads what Django Channels takes as the hosts of a Redis layer.
package hosts

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/redis/rueidis"
)

// Parse returns base with the address, credentials, database and TLS of each host, one for each. A host is a URL
// ("redis://", "rediss://", "unix://"), a []any{host, port}, or a map[string]any with the arguments of a redis-py client:
// its "address" may be a URL or a []any; with "master_name" and "sentinels" it is asked of Sentinels.
//
// A warning names the arguments of redis-py that have no use here and are ignored. An argument that redis-py does not
// know is an error, as is a value that cannot be used. Neither ever holds a value, which may be a secret.
func Parse(hosts []any, base rueidis.ClientOption) (shards []rueidis.ClientOption, warnings []string, err error) {
	for i, host := range hosts {
		p := parser{o: base}
		if err := p.host(host); err != nil {
			return nil, nil, fmt.Errorf("host %d: %w", i, err)
		}
		for _, w := range p.warnings {
			warnings = append(warnings, fmt.Sprintf("host %d: %s", i, w))
		}
		if len(p.ignored) > 0 {
			warnings = append(warnings, fmt.Sprintf("host %d: ignored: %s", i, strings.Join(p.ignored, ", ")))
		}
		shards = append(shards, p.o)
	}
	return shards, warnings, nil
}

const (
	defaultHost = "localhost"
	defaultPort = 6379
)

// parser reads one host.
type parser struct {
	o        rueidis.ClientOption
	ignored  []string // arguments
	warnings []string
}

func (p *parser) host(host any) error {
	args, err := p.argumentsOf(host)
	if err != nil {
		return err
	}
	if _, ok := args["master_name"]; ok {
		return p.sentinel(args)
	}
	return p.server(args)
}

// argumentsOf returns a host in the form of client arguments, in a map of their own.
func (p *parser) argumentsOf(host any) (arguments, error) {
	switch host := host.(type) {
	case string:
		args, warning, err := parseURL(host)
		if warning != "" {
			p.warnings = append(p.warnings, warning)
		}
		return args, err
	case []any:
		name, port, err := pair(host)
		return arguments{"host": name, "port": port}, err
	case map[string]any:
		args := arguments{}
		for name, value := range host {
			args[name] = value
		}
		address, ok := args["address"]
		if !ok {
			return args, nil
		}
		if _, nested := address.(map[string]any); nested {
			return nil, errors.New("address is neither a URL nor a host and a port")
		}
		delete(args, "address")
		more, err := p.argumentsOf(address)
		for name, value := range more { // those of the URL win, as in redis-py
			args[name] = value
		}
		return args, err
	}
	return nil, fmt.Errorf("it is neither a URL, a host and a port, nor a dict, but a %T", host)
}

// pair reads a host and a port.
func pair(v []any) (string, int, error) {
	if len(v) != 2 {
		return "", 0, fmt.Errorf("a host and a port are two values, not %d", len(v))
	}
	host, ok := v[0].(string)
	if !ok || host == "" {
		return "", 0, errors.New("the host is no string, or empty")
	}
	port, err := arguments{"port": v[1]}.port()
	return host, port, err
}

// server reads the arguments of a server that is connected to at its own address.
func (p *parser) server(args arguments) error {
	if err := p.client(args); err != nil {
		return err
	}
	path, err := args.oneText("path", "unix_socket_path")
	if err != nil {
		return err
	}
	if path != "" {
		if p.o.TLSConfig != nil {
			return errors.New("a unix socket has no TLS")
		}
		p.o.InitAddress = []string{path}
		p.o.DialCtxFn = dialUnix
		return nil
	}
	host, err := args.text("host")
	if err != nil {
		return err
	}
	port, err := args.port()
	if err != nil {
		return err
	}
	if host == "" {
		host = defaultHost
	}
	p.o.InitAddress = []string{net.JoinHostPort(host, strconv.Itoa(port))}
	return nil
}

// client reads what is the same for every way to connect.
func (p *parser) client(args arguments) (err error) {
	for _, name := range args.names() {
		switch _, known := uses[name]; {
		case !known:
			return fmt.Errorf("redis-py has no argument %q", name)
		case uses[name] == ignored && args[name] != nil:
			p.ignored = append(p.ignored, name)
		case uses[name] == refused && args[name] != nil:
			return fmt.Errorf("%s has no counterpart here", name)
		}
	}
	if p.o.Username, err = args.text("username"); err != nil {
		return err
	}
	if p.o.Password, err = args.text("password"); err != nil {
		return err
	}
	if p.o.ClientName, err = args.text("client_name"); err != nil {
		return err
	}
	if p.o.SelectDB, err = args.number("db", 0, 0, 1<<20); err != nil {
		return err
	}
	if p.o.Dialer.Timeout, err = args.duration(p.o.Dialer.Timeout, "socket_connect_timeout", "create_connection_timeout"); err != nil {
		return err
	}
	protocol, err := args.number("protocol", 3, 2, 3)
	if err != nil {
		return err
	}
	p.o.AlwaysRESP2 = p.o.AlwaysRESP2 || protocol == 2
	p.o.TLSConfig, err = args.tls()
	return err
}
