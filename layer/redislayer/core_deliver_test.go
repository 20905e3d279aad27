package redislayer_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
	"github.com/gochannels/channels/layer/redislayer/internal/wire"
)

// Two Python processes send to a group in one microsecond. A channel that is in the group here, and in Python by its own name,
// so that copies for it come by two keys, gets each message once, even if both say the same.
func TestCoreTellsMessagesOfOneMomentApart(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	o := coreOptions(s)
	l := coreReady(t, o)
	box, probe := newChannel(t, l), newChannel(t, l)
	key := func(channel string) string { return channel[:strings.IndexByte(channel, '!')+1] }
	var member string
	for i := 0; member == "" || key(member) == key(box.Channel()); i++ { // the group is to have another key
		g := "g" + strconv.Itoa(i)
		if err := l.GroupAdd(t.Context(), g, box.Channel()); err != nil {
			t.Fatal(err)
		}
		member = groupMembers(s, o, g)[0]
	}
	codec, err := wire.New(wire.Options{RandomPrefix: 12})
	if err != nil {
		t.Fatal(err)
	}
	for _, numbers := range [][]int{{1, 2}, {3, 3}} {
		args := []string{"EVAL", "for i = 1, #KEYS do redis.call('ZADD', KEYS[i], '1800000000.123456', ARGV[i]) end", "4"}
		var payloads []string
		for i, n := range numbers {
			for _, to := range []string{member, box.Channel()} {
				payload, err := codec.Encode(mustEncode(t, message(n)), []string{to})
				if err != nil {
					t.Fatal(err)
				}
				copy(payload, "twelve bytes"[:11]+strconv.Itoa(i)) // none of them ends an argument of redis-cli
				args, payloads = append(args, o.Prefix+key(to)), append(payloads, string(payload))
			}
		}
		s.CLI(append(args, payloads...)...)
		expect(t, box, numbers...)
		if err := l.Send(t.Context(), probe.Channel(), message(0)); err != nil {
			t.Fatal(err)
		}
		expect(t, probe, 0) // after all others
		if e, ok := box.TryReceive(); ok {
			t.Errorf("%d came twice", number(t, e))
		}
	}
}
