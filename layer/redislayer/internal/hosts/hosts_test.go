package hosts_test

import (
	"crypto/tls"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/rueidis"

	"github.com/gochannels/channels/layer/redislayer/internal/hosts"
)

// shard is what can be compared of a client's options.
type shard struct {
	Addresses                              []string
	Username, Password, ClientName         string
	DB                                     int
	TLS, Insecure, Unix, RESP2, VerifyByUs bool
	Connect                                time.Duration
	Master, SentinelUser, SentinelPassword string
	SentinelTLS                            bool
}

func shardOf(o rueidis.ClientOption) shard {
	s := shard{
		Addresses: o.InitAddress, Username: o.Username, Password: o.Password, ClientName: o.ClientName, DB: o.SelectDB,
		TLS: o.TLSConfig != nil, Unix: o.DialCtxFn != nil, RESP2: o.AlwaysRESP2, Connect: o.Dialer.Timeout,
		Master: o.Sentinel.MasterSet, SentinelUser: o.Sentinel.Username, SentinelPassword: o.Sentinel.Password,
		SentinelTLS: o.Sentinel.TLSConfig != nil,
	}
	if s.TLS {
		s.Insecure, s.VerifyByUs = o.TLSConfig.InsecureSkipVerify, o.TLSConfig.VerifyConnection != nil
	}
	return s
}

func at(address string) shard { return shard{Addresses: []string{address}} }

func with(s shard, change func(*shard)) shard {
	change(&s)
	return s
}

type dict = map[string]any

func TestParse(t *testing.T) {
	t.Parallel()
	local := at("localhost:6379")
	for _, c := range []struct {
		host any
		want shard
	}{
		{"redis://", local},
		{"redis://localhost", local},
		{"redis://LocalHost:6379/0", local},
		{"redis://h:1/2", with(at("h:1"), func(s *shard) { s.DB = 2 })},
		{"redis://h:1/2?db=3", with(at("h:1"), func(s *shard) { s.DB = 3 })},
		{"redis:///3", with(local, func(s *shard) { s.DB = 3 })},
		{"redis://[::1]:5", at("[::1]:5")},
		{"redis://[::1]", at("[::1]:6379")},
		{"redis://u:p%40%2F@h", with(at("h:6379"), func(s *shard) { s.Username, s.Password = "u", "p@/" })},
		{"redis://:p@ss:wo^rd%zz<>@h", with(at("h:6379"), func(s *shard) { s.Password = "p@ss:wo^rd%zz<>" })},
		{"redis://:p%40%zz@h", with(at("h:6379"), func(s *shard) { s.Password = "p@%zz" })},
		{"redis://h?client_name=a+b&protocol=2&socket_connect_timeout=1.5&password=x%26y", with(at("h:6379"), func(s *shard) {
			s.ClientName, s.RESP2, s.Connect, s.Password = "a b", true, 1500*time.Millisecond, "x&y"
		})},
		{"redis://h#fragment", at("h:6379")},
		{"rediss://h", with(at("h:6379"), func(s *shard) { s.TLS = true })},
		{"rediss://h?ssl_cert_reqs=none", with(at("h:6379"), func(s *shard) { s.TLS, s.Insecure = true, true })},
		{"rediss://h?ssl_check_hostname=False", with(at("h:6379"), func(s *shard) { s.TLS, s.Insecure, s.VerifyByUs = true, true, true })},
		{"unix://u:p@/tmp/a%20b.sock?db=1", with(at("/tmp/a b.sock"), func(s *shard) {
			s.Username, s.Password, s.DB, s.Unix = "u", "p", 1, true
		})},
		{[]any{"h", 1}, at("h:1")},
		{[]any{"h", json.Number("1")}, at("h:1")},
		{[]any{"h", "1"}, at("h:1")},
		{[]any{"::1", 1.0}, at("[::1]:1")},
		{dict{}, local},
		{dict{"host": "h", "port": nil, "db": int64(2), "password": 123, "username": []byte("u")}, with(at("h:6379"), func(s *shard) {
			s.DB, s.Password, s.Username = 2, "123", "u"
		})},
		{dict{"host": "h", "ssl": true, "ssl_cert_reqs": nil}, with(at("h:6379"), func(s *shard) { s.TLS, s.Insecure = true, true })},
		{dict{"host": "h", "ssl": true, "ssl_cert_reqs": 2}, with(at("h:6379"), func(s *shard) { s.TLS = true })},
		{dict{"host": "h", "ssl": false, "ssl_cert_reqs": "none"}, at("h:6379")},
		{dict{"unix_socket_path": "/s"}, with(at("/s"), func(s *shard) { s.Unix = true })},
		{dict{"address": "rediss://h:1/4", "ssl_cert_reqs": "none", "db": 7}, with(at("h:1"), func(s *shard) {
			s.TLS, s.Insecure, s.DB = true, true, 4
		})},
		{dict{"address": []any{"h", 1}, "password": "p"}, with(at("h:1"), func(s *shard) { s.Password = "p" })},
		{
			dict{
				"master_name": "m", "sentinels": []any{[]any{"a", 1}, []any{"b", json.Number("2")}}, "db": 2, "password": "p",
				"sentinel_kwargs": dict{"username": "su", "password": "sp", "ssl": true},
			},
			with(shard{Addresses: []string{"a:1", "b:2"}}, func(s *shard) {
				s.DB, s.Password, s.Master, s.SentinelUser, s.SentinelPassword, s.SentinelTLS = 2, "p", "m", "su", "sp", true
			}),
		},
		{dict{"master_name": "m", "sentinels": []any{[]any{"a", 1}}, "sentinel_kwargs": nil}, with(at("a:1"), func(s *shard) { s.Master = "m" })},
	} {
		shards, warnings, err := hosts.Parse([]any{c.host}, rueidis.ClientOption{})
		if err != nil {
			t.Errorf("%v: %v", c.host, err)
			continue
		}
		if d := cmp.Diff(c.want, shardOf(shards[0])); d != "" || len(warnings) > 0 {
			t.Errorf("%v: warnings %q (-want +got):\n%s", c.host, warnings, d)
		}
	}
}

func TestParseKeepsBaseAndInput(t *testing.T) {
	t.Parallel()
	base := rueidis.ClientOption{DisableRetry: true, AlwaysRESP2: true}
	base.Dialer.Timeout = time.Minute
	in := dict{"address": "redis://h", "db": 1}
	shards, _, err := hosts.Parse([]any{in, "redis://i?protocol=3"}, base)
	if err != nil {
		t.Fatal(err)
	}
	if len(shards) != 2 || !shards[0].DisableRetry || !shards[1].AlwaysRESP2 || shards[1].Dialer.Timeout != time.Minute {
		t.Errorf("%+v", shards)
	}
	if d := cmp.Diff(dict{"address": "redis://h", "db": 1}, in); d != "" {
		t.Errorf("the host was changed (-want +got):\n%s", d)
	}
}

func TestParseNamesWhatItIgnores(t *testing.T) {
	t.Parallel()
	_, warnings, err := hosts.Parse([]any{
		"redis://h",
		dict{
			"host": "h", "max_connections": 5, "retry": hosts.Unconverted("redis.Retry"), "health_check_interval": 30,
			"encoding": nil,
		},
		"redis://h?max_connections=3",
		"redis://h/name",
		dict{"master_name": "m", "sentinels": []any{[]any{"a", 1}}, "min_other_sentinels": 1, "sentinel_kwargs": dict{"socket_timeout": 1}},
	}, rueidis.ClientOption{})
	want := []string{
		"host 1: ignored: health_check_interval, max_connections, retry",
		"host 2: ignored: max_connections",
		"host 3: the URL's path is no number of a database: ignored, as redis-py does",
		"host 4: ignored: min_other_sentinels, sentinel_kwargs.socket_timeout",
	}
	if d := cmp.Diff(want, warnings); err != nil || d != "" {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		host any
		want string
	}{
		{5, "neither"},
		{nil, "neither"},
		{"localhost:6379", "scheme"},
		{"http://hunter2@h", `"http"`},
		{"redis://h:hunter2", "port"},
		{"redis://:hunter2/x@h", "port"},
		{"redis://a:b:c", "host"},
		{"redis://h?nonsense=hunter2", `"nonsense"`},
		{"redis://h?db=hunter2", "db"},
		{"redis://h?db=-1", "db"},
		{"redis://h?protocol=4", "protocol"},
		{"unix://", "path"},
		{[]any{"h"}, "two values"},
		{[]any{"h", 1, 2}, "two values"},
		{[]any{5, 1}, "host"},
		{[]any{"h", 0}, "port"},
		{[]any{"h", 70000}, "port"},
		{[]any{"h", 1.5}, "port"},
		{dict{"hots": "h"}, `"hots"`},
		{dict{"host": 5}, "host"},
		{dict{"password": hosts.Unconverted("env.Secret")}, "Python env.Secret"},
		{dict{"password": true}, "password"},
		{dict{"credential_provider": hosts.Unconverted("Provider")}, "credential_provider"},
		{dict{"socket_connect_timeout": -1}, "socket_connect_timeout"},
		{dict{"ssl": "yes", "ssl_cert_reqs": "hunter2"}, "ssl_cert_reqs"},
		{dict{"ssl": true, "ssl_ca_certs": "/nowhere/ca.pem"}, "ca.pem"},
		{dict{"ssl": true, "ssl_ca_data": "hunter2"}, "ssl_ca_data"},
		{dict{"ssl": true, "ssl_keyfile": "/nowhere/key.pem"}, "ssl_certfile"},
		{dict{"ssl": true, "ssl_certfile": "/nowhere/cert.pem"}, "ssl_certfile"},
		{dict{"ssl": true, "path": "/s"}, "TLS"},
		{dict{"address": dict{"address": "redis://h"}}, "address"},
		{dict{"master_name": "m"}, "sentinels"},
		{dict{"master_name": "", "sentinels": []any{[]any{"a", 1}}}, "master_name"},
		{dict{"master_name": "m", "sentinels": []any{"a:1"}}, "sentinels[0]"},
		{dict{"master_name": "m", "sentinels": []any{[]any{"a"}}}, "sentinels[0]"},
		{dict{"master_name": "m", "sentinels": []any{[]any{"a", 1}}, "is_master": false}, "is_master"},
		{dict{"master_name": "m", "sentinels": []any{[]any{"a", 1}}, "sentinel_kwargs": 5}, "sentinel_kwargs"},
		{dict{"master_name": "m", "sentinels": []any{[]any{"a", 1}}, "sentinel_kwargs": dict{"x": 1}}, "sentinel_kwargs"},
		{dict{"master_name": "m", "sentinels": []any{[]any{"a", 1}}, "host": "h"}, "exclude"},
		{dict{"sentinels": []any{}}, `"sentinels"`},
	} {
		_, _, err := hosts.Parse([]any{"redis://h", c.host}, rueidis.ClientOption{})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "host 1: ") {
			t.Errorf("%v: %v, want one with %q", c.host, err, c.want)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v: a secret is told: %v", c.host, err)
		}
	}
}

func TestTLSVersions(t *testing.T) {
	t.Parallel()
	for arguments, want := range map[string]uint16{"": tls.VersionTLS12, "?ssl_min_version=772": tls.VersionTLS13} {
		shards, _, err := hosts.Parse([]any{"rediss://h" + arguments}, rueidis.ClientOption{})
		if err != nil {
			t.Fatal(err)
		}
		if got := shards[0].TLSConfig.MinVersion; got != want {
			t.Errorf("%q: %x, want %x", arguments, got, want)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	for _, s := range []string{"redis://u:p@h:1/2?db=3", "unix://u:p@/s?db=1", "rediss://[::1]:5#x", "redis://%zz@h%", "redis://h?a=b&&c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		shards, _, err := hosts.Parse([]any{s}, rueidis.ClientOption{})
		if err == nil && (len(shards) != 1 || len(shards[0].InitAddress) != 1) {
			t.Errorf("%q: %d shards and no error", s, len(shards))
		}
	})
}
