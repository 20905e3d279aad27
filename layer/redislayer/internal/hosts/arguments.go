package hosts

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// arguments are those of a redis-py client. nil is Python's None: the default.
type arguments map[string]any

// use is what becomes of an argument.
type use int

const (
	applied use = iota
	ignored     // it changes how redis-py works inside, which has no counterpart
	refused     // to ignore it would be to connect otherwise than was meant
)

// uses has every argument of redis-py's clients, connections and pools from 4 to 8, and of what channels_redis used
// before them.
var uses = map[string]use{
	"host": applied, "port": applied, "path": applied, "unix_socket_path": applied, "db": applied,
	"username": applied, "password": applied, "client_name": applied, "protocol": applied,
	"socket_connect_timeout": applied, "create_connection_timeout": applied,
	"ssl": applied, "ssl_keyfile": applied, "ssl_certfile": applied, "ssl_cert_reqs": applied, "ssl_ca_certs": applied,
	"ssl_ca_data": applied, "ssl_ca_path": applied, "ssl_check_hostname": applied, "ssl_min_version": applied,

	"credential_provider": refused, "ssl_password": refused, "ssl_context": refused,

	"socket_timeout": ignored, "socket_read_size": ignored, "socket_keepalive": ignored,
	"socket_keepalive_options": ignored, "socket_type": ignored, "encoding": ignored, "encoding_errors": ignored,
	"charset": ignored, "errors": ignored, "decode_responses": ignored, "parser_class": ignored, "encoder_class": ignored,
	"retry": ignored, "retry_on_timeout": ignored, "retry_on_error": ignored, "health_check_interval": ignored,
	"max_connections": ignored, "timeout": ignored, "minsize": ignored, "maxsize": ignored, "queue_class": ignored,
	"connection_class": ignored, "connection_pool": ignored, "single_connection_client": ignored,
	"auto_close_connection_pool": ignored, "lib_name": ignored, "lib_version": ignored, "driver_info": ignored,
	"redis_connect_func": ignored, "legacy_responses": ignored, "event_dispatcher": ignored, "cache": ignored,
	"cache_config": ignored, "maint_notifications_config": ignored, "command_packer": ignored, "loop": ignored,
	"ssl_ciphers": ignored, "ssl_include_verify_flags": ignored, "ssl_exclude_verify_flags": ignored,
	"ssl_validate_ocsp": ignored, "ssl_validate_ocsp_stapled": ignored, "ssl_ocsp_context": ignored,
	"ssl_ocsp_expected_cert": ignored,
}

func (a arguments) names() []string { return slices.Sorted(maps.Keys(a)) }

// Unconverted is what stands for a Python object that has no form here: the name of its type.
type Unconverted string

func (a arguments) wrong(name, want string) error {
	if v, ok := a[name].(Unconverted); ok {
		return fmt.Errorf("%s is not %s, but a Python %s", name, want, v)
	}
	return fmt.Errorf("%s is not %s, but a %T or beyond what that may be", name, want, a[name])
}

// text returns an argument that is text, "" if it is not there.
func (a arguments) text(name string) (string, error) {
	switch v := a[name].(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case []byte:
		return string(v), nil
	case int, int64, json.Number, float64:
		if name == "password" || name == "username" { // a number in the settings that was meant as text
			return fmt.Sprint(v), nil
		}
	}
	return "", a.wrong(name, "a string")
}

// oneText returns the first of the arguments that is there.
func (a arguments) oneText(names ...string) (string, error) {
	for _, name := range names {
		if s, err := a.text(name); s != "" || err != nil {
			return s, err
		}
	}
	return "", nil
}

func (a arguments) port() (int, error) { return a.number("port", defaultPort, 1, math.MaxUint16) }

// number returns an argument that is an integer from low to high.
func (a arguments) number(name string, standard, low, high int) (int, error) {
	n := standard
	switch v := a[name].(type) {
	case nil:
		return n, nil
	case int:
		n = v
	case int64:
		n = int(v)
	case float64:
		if n = int(v); float64(n) != v {
			return 0, a.wrong(name, "an integer")
		}
	case json.Number:
		return a.parsed(name, string(v), low, high)
	case string:
		return a.parsed(name, v, low, high)
	default:
		return 0, a.wrong(name, "an integer")
	}
	if n < low || n > high {
		return 0, fmt.Errorf("%s is not between %d and %d", name, low, high)
	}
	return n, nil
}

func (a arguments) parsed(name, s string, low, high int) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil {
		return 0, a.wrong(name, "an integer")
	}
	return arguments{name: n}.number(name, 0, low, high)
}

// duration returns the first of the arguments that is there; they are in seconds.
func (a arguments) duration(standard time.Duration, names ...string) (time.Duration, error) {
	for _, name := range names {
		var seconds float64
		var err error
		switch v := a[name].(type) {
		case nil:
			continue
		case int:
			seconds = float64(v)
		case int64:
			seconds = float64(v)
		case float64:
			seconds = v
		case json.Number:
			seconds, err = v.Float64()
		case string:
			seconds, err = strconv.ParseFloat(v, 64)
		default:
			return 0, a.wrong(name, "a number of seconds")
		}
		if err != nil || !(seconds > 0 && seconds < 1e6) {
			return 0, a.wrong(name, "a number of seconds above 0")
		}
		return time.Duration(seconds * float64(time.Second)), nil
	}
	return standard, nil
}

// truth returns an argument that is true or false, in the words that redis-py takes in URLs too.
func (a arguments) truth(name string, standard bool) (bool, error) {
	switch v := a[name].(type) {
	case nil:
		return standard, nil
	case bool:
		return v, nil
	case string:
		switch strings.ToUpper(v) {
		case "0", "F", "FALSE", "N", "NO", "":
			return false, nil
		}
		return true, nil
	}
	n, err := a.number(name, 0, 0, 1)
	return n == 1, err
}
