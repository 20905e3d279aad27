package hosts

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/redis/rueidis"
)

// topologyRefresh is how often the Sentinels are asked for the server, for the case that what they publish was missed.
const topologyRefresh = 5 * time.Second

// sentinelOnly are the arguments that only such a host has, beside those that the servers are connected to with.
var sentinelOnly = map[string]use{
	"master_name": applied, "sentinels": applied, "sentinel_kwargs": applied, "is_master": applied,
	"min_other_sentinels": ignored, "force_master_ip": refused, "check_connection": ignored,
}

// sentinel reads a host that Sentinels know by its name.
func (p *parser) sentinel(args arguments) error {
	server := arguments{}
	for _, name := range args.names() {
		u, special := sentinelOnly[name]
		switch {
		case !special:
			server[name] = args[name]
		case u == ignored && args[name] != nil:
			p.ignored = append(p.ignored, name)
		case u == refused && args[name] != nil:
			return fmt.Errorf("%s has no counterpart here", name)
		}
	}
	for _, name := range []string{"host", "port", "path", "unix_socket_path"} {
		if server[name] != nil {
			return fmt.Errorf("%s and master_name exclude each other", name)
		}
	}
	if err := p.client(server); err != nil {
		return err
	}
	name, err := args.text("master_name")
	if err != nil {
		return err
	}
	if name == "" {
		return errors.New("master_name is empty")
	}
	if master, err := args.truth("is_master", true); err != nil || !master {
		return errors.New("is_master is not true: messages cannot be written to a replica")
	}
	p.o.Sentinel.MasterSet = name
	if p.o.InitAddress, err = args.sentinels(); err != nil {
		return err
	}
	return p.sentinelClient(args["sentinel_kwargs"])
}

// sentinels returns the addresses of the Sentinels.
func (a arguments) sentinels() ([]string, error) {
	list, ok := a["sentinels"].([]any)
	if !ok || len(list) == 0 {
		return nil, errors.New("sentinels is no list of hosts and ports, or empty")
	}
	var addresses []string
	for i, item := range list {
		v, ok := item.([]any)
		if !ok {
			return nil, fmt.Errorf("sentinels[%d] is not a host and a port", i)
		}
		host, port, err := pair(v)
		if err != nil {
			return nil, fmt.Errorf("sentinels[%d]: %w", i, err)
		}
		addresses = append(addresses, net.JoinHostPort(host, strconv.Itoa(port)))
	}
	return addresses, nil
}

// sentinelClient reads how the Sentinels themselves are connected to.
func (p *parser) sentinelClient(v any) error {
	args, ok := v.(map[string]any)
	if !ok && v != nil {
		return fmt.Errorf("sentinel_kwargs is no dict, but a %T", v)
	}
	q := parser{o: rueidis.ClientOption{Dialer: p.o.Dialer}}
	setDefault(&q.o.Dialer.Timeout, rueidis.DefaultDialTimeout)
	setDefault(&q.o.Dialer.KeepAlive, rueidis.DefaultTCPKeepAlive)
	if err := q.client(args); err != nil {
		return fmt.Errorf("sentinel_kwargs: %w", err)
	}
	for _, name := range q.ignored {
		p.ignored = append(p.ignored, "sentinel_kwargs."+name)
	}
	s := &p.o.Sentinel
	s.TopologyRefreshInterval = topologyRefresh
	s.Username, s.Password, s.ClientName = q.o.Username, q.o.Password, q.o.ClientName
	s.TLSConfig, s.Dialer = q.o.TLSConfig, q.o.Dialer
	return nil
}

func setDefault(d *time.Duration, standard time.Duration) {
	if *d == 0 {
		*d = standard
	}
}
