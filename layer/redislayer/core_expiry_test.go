package redislayer_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

// A member of Python's stays for group_expiry, also if that is short and Go's channels join its group and leave it.
func TestCoreKeepsPythonsMembers(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	for _, expiry := range []time.Duration{10 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour} {
		o := coreOptions(s)
		o.GroupExpiry = expiry
		l := coreReady(t, o)
		// It is a quarter of that old, and the key as group_add has left it.
		left := expiry * 3 / 4
		key := o.Prefix + ":group:g"
		s.CLI("ZADD", key, fmt.Sprintf("%.6f", float64(time.Now().Add(left-expiry).UnixMicro())/1e6), pythonMember)
		s.CLI("EXPIRE", key, strconv.Itoa(int(left/time.Second)))
		newChannel(t, l, "g").Close()
		until(t, soon, "Go has left", func() bool { return len(groupMembers(s, o, "g")) == 1 })
		if ttl, _ := strconv.Atoi(s.CLI("TTL", key)); ttl < int(left/time.Second)-1 {
			t.Errorf("with a GroupExpiry of %v, Python's member lives for %v and the group for %d s", expiry, left, ttl)
		}
	}
}

// Python's group_send with a shorter group_expiry removes living members: that is said, once.
func TestCoreSaysThatMembersAreRemoved(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		remove func(s *redistest.Server, key string)
		want   int
	}{
		"a shorter group_expiry": {func(s *redistest.Server, key string) { s.CLI("ZREMRANGEBYSCORE", key, "0", "+inf") }, 1},
		"FLUSHALL":               {func(s *redistest.Server, _ string) { s.CLI("FLUSHALL") }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t)
			o := reapOptions(s)
			o.ProbeInterval = 50 * time.Millisecond // the first to see a FLUSHALL
			var log bytes.Buffer
			o.Logger = slog.New(slog.NewTextHandler(&log, nil))
			l := coreReady(t, o)
			newChannel(t, l, "g")
			for range 5 {
				c.remove(s, o.Prefix+":group:g")
				until(t, soon, "the member is there again", func() bool { return len(groupMembers(s, o, "g")) == 1 })
			}
			_ = l.Close()
			if n := strings.Count(log.String(), "group_expiry"); n != c.want {
				t.Errorf("said %d times, want %d:\n%s", n, c.want, log.String())
			}
		})
	}
}
