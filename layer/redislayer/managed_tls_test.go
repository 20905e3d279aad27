package redislayer_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

// both makes the two layers of the same options.
func both(t *testing.T, o redislayer.Options) map[string]managedLayer {
	t.Helper()
	o.Prefix, o.Logger = "asgi", slog.New(slog.DiscardHandler)
	return map[string]managedLayer{"PubSub": pubSub(t, o), "Core": newCore(t, &o)}
}

type managedLayer interface {
	layer.ChannelLayer
	Ready() bool
}

type dict = map[string]any

// TestManagedTLS connects to real servers, with redis-py's arguments: none is taken that should not be, and the error says
// what is wrong.
func TestManagedTLS(t *testing.T) {
	t.Parallel()
	ca, other := redistest.NewAuthority(t), redistest.NewAuthority(t)
	local := ca.Issue(t, "127.0.0.1", "localhost")
	client := ca.Issue(t, "client")
	usual := redistest.StartTLS(t, ca, local, "--tls-auth-clients", "no")
	elsewhere := redistest.StartTLS(t, ca, ca.Issue(t, "redis.example"), "--tls-auth-clients", "no")
	strict := redistest.StartTLS(t, ca, local) // clients need a certificate
	older := redistest.StartTLS(t, ca, local, "--tls-auth-clients", "no", "--tls-protocols", "TLSv1.2")
	const unknown, mismatch = "signed by unknown authority", "cannot validate certificate for 127.0.0.1"
	for _, c := range []struct {
		name   string
		server *redistest.Server
		host   dict
		fault  string // part of the error, "" if it connects
	}{
		{"authority", usual, dict{"ssl_ca_certs": ca.File}, ""},
		{"authority's text", usual, dict{"ssl_ca_data": read(t, ca.File)}, ""},
		{"authority's folder", usual, dict{"ssl_ca_path": filepath.Dir(ca.File)}, ""},
		{"required", usual, dict{"ssl_cert_reqs": "required", "ssl_check_hostname": true, "ssl_ca_certs": ca.File}, ""},
		{"nothing is looked at", usual, dict{"ssl_cert_reqs": "none"}, ""},
		{"nothing is looked at, RESP2", usual, dict{"ssl_cert_reqs": "none", "protocol": 2}, ""},
		{"nothing is looked at, not the name either", elsewhere, dict{"ssl_cert_reqs": nil, "ssl_check_hostname": true}, ""},
		{"TLS 1.3", usual, dict{"ssl_ca_certs": ca.File, "ssl_min_version": 772}, ""},
		{"TLS 1.2", older, dict{"ssl_ca_certs": ca.File}, ""},
		{"the system's authorities", usual, dict{}, unknown},
		{"another authority", usual, dict{"ssl_ca_certs": other.File}, unknown},
		{"another authority, any name", elsewhere, dict{"ssl_ca_certs": other.File, "ssl_check_hostname": false}, unknown},
		{"another name", elsewhere, dict{"ssl_ca_certs": ca.File}, mismatch},
		{"any name", elsewhere, dict{"ssl_ca_certs": ca.File, "ssl_check_hostname": false}, ""},
		{"too old", older, dict{"ssl_ca_certs": ca.File, "ssl_min_version": 772}, "protocol version"},
		{"client's certificate", strict, dict{"ssl_ca_certs": ca.File, "ssl_certfile": client.File, "ssl_keyfile": client.Key}, ""},
		{"client's certificate in one file", strict, dict{"ssl_ca_certs": ca.File, "ssl_certfile": oneFile(t, client)}, ""},
		{"client without certificate", strict, dict{"ssl_ca_certs": ca.File}, "certificate required"},
		{"client's certificate of another authority", strict, withCertificate(dict{"ssl_ca_certs": ca.File}, other.Issue(t, "client")), "unknown certificate authority"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.host["address"] = "rediss://" + c.server.TLSAddr()
			checkConnects(t, c.host, c.fault)
		})
	}
	t.Run("TLS where there is none", func(t *testing.T) {
		t.Parallel()
		checkConnects(t, "rediss://"+usual.Addr(), "the TLS handshake: ")
	})
	t.Run("no TLS where there is", func(t *testing.T) {
		t.Parallel()
		checkConnects(t, "redis://"+usual.TLSAddr(), "unavailable")
	})
}

func withCertificate(host dict, c redistest.Certificate) dict {
	host["ssl_certfile"], host["ssl_keyfile"] = c.File, c.Key
	return host
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// oneFile puts a certificate and its key into one file.
func oneFile(t *testing.T, c redistest.Certificate) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "both.pem")
	if err := os.WriteFile(file, []byte(read(t, c.File)+read(t, c.Key)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// checkConnects checks that both layers work, or fail with an error that says so.
func checkConnects(t *testing.T, host any, fault string) {
	t.Helper()
	checkOptions(t, redislayer.Options{Hosts: []any{host}}, fault)
}

func checkOptions(t *testing.T, o redislayer.Options, fault string) {
	t.Helper()
	o.CallTimeout = soon
	if fault != "" {
		o.CallTimeout = 500 * time.Millisecond
	}
	for name, l := range both(t, o) {
		if fault == "" {
			box := newChannel(t, l, "g")
			groupSend(t, l, "g", 1)
			expect(t, box, 1)
			continue
		}
		var err error
		for range 3 { // the first attempt to connect may take longer than a call
			if err = l.GroupSend(t.Context(), "g", message(1)); err == nil || strings.Contains(err.Error(), fault) {
				break
			}
		}
		if !errors.Is(err, layer.ErrUnavailable) || !strings.Contains(err.Error(), fault) || l.Ready() {
			t.Errorf("%s: %v, want an ErrUnavailable with %q", name, err, fault)
		}
	}
}

// TestManagedSentinelTLS finds a master by a Sentinel that speaks TLS, with arguments of its own, and so does the master.
func TestManagedSentinelTLS(t *testing.T) {
	t.Parallel()
	ca := redistest.NewAuthority(t)
	cert := ca.Issue(t, "127.0.0.1")
	master := redistest.StartTLS(t, ca, cert)
	sentinel := redistest.StartSentinelTLS(t, "main", master, ca, cert)
	host, port, err := net.SplitHostPort(sentinel.TLSAddr())
	if err != nil {
		t.Fatal(err)
	}
	secure := func() dict { return withCertificate(dict{"ssl": true, "ssl_ca_certs": ca.File}, ca.Issue(t, "client")) }
	there := func(servers, sentinels dict) dict {
		servers["master_name"], servers["sentinels"], servers["sentinel_kwargs"] = "main", []any{[]any{host, port}}, sentinels
		return servers
	}
	checkConnects(t, there(secure(), secure()), "")
	checkConnects(t, there(secure(), dict{"ssl": true, "ssl_ca_certs": ca.File}), "certificate required")
	checkConnects(t, there(dict{"ssl": true, "ssl_ca_certs": ca.File}, secure()), "certificate required")
}

// TestManagedOptionsTLS: what the options say of TLS holds for all servers, a Sentinel's too.
func TestManagedOptionsTLS(t *testing.T) {
	t.Parallel()
	ca := redistest.NewAuthority(t)
	cert, client := ca.Issue(t, "127.0.0.1"), ca.Issue(t, "client")
	master := redistest.StartTLS(t, ca, cert)
	sentinel := redistest.StartSentinelTLS(t, "main", master, ca, cert)
	host, port, err := net.SplitHostPort(sentinel.TLSAddr())
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(client.File, client.Key)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(read(t, ca.File)))
	secure := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, Certificates: []tls.Certificate{pair}}
	for _, h := range []any{"redis://" + master.TLSAddr(), "rediss://" + master.TLSAddr(), dict{"master_name": "main", "sentinels": []any{[]any{host, port}}}} {
		checkOptions(t, redislayer.Options{Hosts: []any{h}, TLS: secure}, "")
	}
	checkOptions(t, redislayer.Options{Hosts: []any{"redis://" + master.TLSAddr()}, TLS: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}}, "certificate required")
	for name, o := range map[string]redislayer.Options{
		"unix":     {Hosts: []any{"unix:///run/redis.sock"}, TLS: secure},
		"sentinel": {Hosts: []any{dict{"master_name": "main", "sentinels": []any{[]any{host, port}}}}, Credentials: func() (string, string, error) { return "", "", nil }},
	} {
		if l, err := redislayer.NewPubSub(&o); err == nil {
			_ = l.Close()
			t.Errorf("%s is taken", name)
		}
	}
}

// TestManagedCredentials: each connection asks for them anew, and an error is told.
func TestManagedCredentials(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, "--requirepass", "first")
	var password atomic.Value
	password.Store("first")
	o := redislayer.Options{Hosts: []any{"redis://:wrong@" + s.Addr()}, CallTimeout: soon, Credentials: func() (string, string, error) {
		return "", password.Load().(string), nil
	}}
	for name, l := range both(t, o) {
		box := newChannel(t, l, "g")
		groupSend(t, l, "g", 1)
		expect(t, box, 1)
		old := password.Load().(string)
		password.Store("second " + name)
		s.CLI("-a", old, "--no-auth-warning", "CONFIG", "SET", "requirepass", "second "+name)
		s.CLI("-a", "second "+name, "--no-auth-warning", "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
		s.CLI("-a", "second "+name, "--no-auth-warning", "CLIENT", "KILL", "TYPE", "pubsub")
		until(t, soon, "the loss is known", func() bool { _, lost := box.TakeGap(); return lost })
		until(t, soon, "it is back", l.Ready)
		groupSend(t, l, "g", 2)
		expect(t, box, 2)
	}
	o.CallTimeout, o.Credentials = 500*time.Millisecond, func() (string, string, error) { return "", "", errors.New("no token") }
	for name, l := range both(t, o) {
		if err := l.GroupSend(t.Context(), "g", message(1)); !errors.Is(err, layer.ErrUnavailable) || !strings.Contains(err.Error(), "no token") {
			t.Errorf("%s: %v, want an ErrUnavailable with the reason", name, err)
		}
	}
}
