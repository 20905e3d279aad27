package redislayer_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

// ErrUnavailable says that a GroupSend had no effect. A key that cannot take the message costs its own process' copy, and only
// that; where a whole script fails beside others that did not, the outcome is unknown.
func TestCoreGroupSendInPart(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	const atOnce = 300 // keys a script
	for name, c := range map[string]struct {
		processes int
		poisoned  []int
		want      error
		dropped   int64
	}{
		"one of two":                {2, []int{1}, nil, 1},
		"both":                      {2, []int{0, 1}, layer.ErrUnavailable, 0},
		"all of the second script":  {atOnce + 1, []int{atOnce}, layer.ErrOutcomeUnknown, 0},
		"some of the second script": {atOnce + 2, []int{atOnce}, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := coreOptions(s)
			l := coreReady(t, o)
			now := time.Now().Unix()
			add := []string{"ZADD", o.Prefix + ":group:g"}
			for i := range c.processes {
				add = append(add, fmt.Sprint(now), fmt.Sprintf("specific.%032d!x", i))
			}
			s.CLI(add...)
			for _, i := range c.poisoned {
				s.CLI("SET", o.Prefix+fmt.Sprintf("specific.%032d!", i), "no sorted set")
			}
			err := l.GroupSend(t.Context(), "g", message(1))
			if !errors.Is(err, c.want) || c.want == layer.ErrOutcomeUnknown && errors.Is(err, layer.ErrUnavailable) {
				t.Errorf("GroupSend: %v, want %v", err, c.want)
			}
			if n := len(strings.Fields(s.CLI("KEYS", o.Prefix+"specific.*"))); n != c.processes {
				t.Errorf("%d keys, want %d: each has the message or cannot take it", n, c.processes)
			}
			if n := l.Stats().Dropped[layer.DropFull]; n != c.dropped {
				t.Errorf("%d messages dropped, want %d", n, c.dropped)
			}
		})
	}
}
