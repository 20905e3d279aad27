package redislayer_test

import (
	"fmt"
	"strconv"
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
