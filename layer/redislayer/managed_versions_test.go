package redislayer_test

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
	"github.com/gochannels/channels/testing/layertest"
)

// version is a server that a managed Redis may be.
type version struct {
	name     string // in interop/servers.sh; "" is the machine's own
	info     string // what INFO says of it
	acl      bool   // users may be limited to channels
	protocol []int
}

var versions = []version{
	{"redis-5", "redis_version:5.", false, []int{2, 3}}, // asked for RESP3 it knows no HELLO, and RESP2 is spoken
	{"redis-6", "redis_version:6.", true, []int{2, 3}},
	{"", "redis_version:7.", true, []int{2, 3}},
	{"valkey", "valkey_version:", true, []int{2, 3}},
}

// rights are all that both layers need. Of the last two, Core does without the first, and SCAN is Flush's.
var rights = strings.Fields("-@all +hello +auth +ping +publish +subscribe +unsubscribe" +
	" +evalsha +eval +time +set +del +incr +expire +zadd +zrem +zcard +zcount +zrange +zrangebyscore +zremrangebyscore" +
	" +zpopmin +bzpopmin +info +script|load +scan")

// startVersion starts a server and returns its URL, which is a user's that may do what the layers need with names that
// begin with asgi, if the server can limit users so.
func startVersion(t *testing.T, v version) (url string) {
	t.Helper()
	program := "redis-server"
	if v.name != "" {
		program = redistest.Program(t, "interop/servers.sh", v.name)
	}
	s := redistest.StartProgram(t, program)
	if info := s.CLI("INFO", "server"); !strings.Contains(info, v.info) {
		t.Fatalf("it is not %s: %s", v.info, info)
	}
	if !v.acl {
		return s.URL()
	}
	s.CLI(append([]string{"ACL", "SETUSER", "go", "on", ">secret", "resetkeys", "resetchannels", "~asgi*", "&asgi*"}, rights...)...)
	return "redis://go:secret@" + s.Addr()
}

// TestManagedConforms runs the suite against every version and protocol there is, as a user with few rights.
func TestManagedConforms(t *testing.T) {
	t.Parallel()
	for _, v := range versions {
		for _, protocol := range v.protocol {
			t.Run(fmt.Sprintf("%s/resp%d", strings.Trim(v.info, ":."), protocol), func(t *testing.T) {
				host := map[string]any{"address": startVersion(t, v), "protocol": protocol}
				conformsThere(t, host)
			})
		}
	}
}

// conformsThere runs both layers side by side: each waits most of the time.
func conformsThere(t *testing.T, host any) {
	t.Helper()
	options := func(lo layertest.Options) redislayer.Options {
		return redislayer.Options{
			Hosts: []any{host}, Prefix: "asgi" + rand.Text()[:8], CallTimeout: soon, Logger: slog.New(slog.DiscardHandler),
			Capacity: lo.Capacity, ChannelCapacity: lo.ChannelCapacity, Expiry: lo.Expiry,
		}
	}
	var work sync.WaitGroup
	run := func(name string, newLayer func(testing.TB, layertest.Options) layer.ChannelLayer) {
		for _, c := range layertest.Cases() {
			if c.Name == "conservation" { // a load of many seconds
				continue
			}
			work.Go(func() { t.Run(name+"/"+c.Name, func(t *testing.T) { c.Run(t, newLayer) }) })
		}
	}
	run("pubsub", func(t testing.TB, lo layertest.Options) layer.ChannelLayer { return ready(t, pubSub(t, options(lo))) })
	run("core", func(t testing.TB, lo layertest.Options) layer.ChannelLayer {
		o := options(lo)
		return coreReady(t, &o)
	})
	work.Wait()
}
