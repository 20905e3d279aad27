package redislayer_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gochannels/channels/layer/redislayer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

// In these tests a lease is four seconds and a half, and renewed every one and a half.
const (
	reapExpiry = 9 * time.Second
	reapLimit  = 15 * time.Second // a lease, a beat and a slow machine
)

func reapOptions(servers ...*redistest.Server) *redislayer.Options {
	o := coreOptions(servers...)
	o.GroupExpiry = reapExpiry
	return o
}

// mortal is a layer that can be cut off from its servers, for which that is its death.
func mortal(t *testing.T, o *redislayer.Options, servers ...*redistest.Server) (l *redislayer.Core, proxies []*redistest.Proxy, die func()) {
	t.Helper()
	mine := *o
	mine.Hosts = nil
	for _, s := range servers {
		p := redistest.NewProxy(t, s.Addr())
		proxies = append(proxies, p)
		mine.Hosts = append(mine.Hosts, p.URL())
	}
	return coreReady(t, &mine), proxies, func() {
		for _, p := range proxies {
			p.Refuse(true)
			p.Cut()
		}
	}
}

// reapCase is a process that is to die, with Python in its groups, and those that live.
type reapCase struct {
	name              string
	servers           int
	before, afterward int // other processes, in another group
	flush             bool

	o   *redislayer.Options
	all []*redistest.Server
	die func()
}

const reapGroups = 10

func (c *reapCase) start(t *testing.T) {
	t.Helper()
	for range c.servers {
		c.all = append(c.all, redistest.Start(t))
	}
	c.o = reapOptions(c.all...)
	for range c.before {
		newChannel(t, coreReady(t, c.o), "elsewhere")
	}
	var l *redislayer.Core
	l, _, c.die = mortal(t, c.o, c.all...)
	box := newChannel(t, l)
	for i := range reapGroups {
		if err := l.GroupAdd(t.Context(), "g"+strconv.Itoa(i), box.Channel()); err != nil {
			t.Fatal(err)
		}
	}
	if c.flush {
		for _, s := range c.all {
			s.CLI("FLUSHALL")
		}
	}
	for i := range reapGroups {
		g := "g" + strconv.Itoa(i)
		until(t, soon, c.name+": the process is in the group", func() bool { return len(c.members(g)) == 1 })
	}
}

// end kills the process. What Python adds to its groups keeps them from expiring as a whole, and what is strange in the keys
// of our own keeps nobody from them.
func (c *reapCase) end() {
	c.die()
	for _, s := range c.all {
		for _, key := range strings.Fields(s.CLI("KEYS", c.o.Prefix+":go:*")) {
			if s.CLI("TYPE", key) == "set" {
				s.CLI("SADD", key, "strange", strings.Repeat("x", 74)+"another:group:g")
			}
		}
		s.CLI("ZADD", c.o.Prefix+":go:processes", "0", "nobody", "1", "strange")
		s.CLI("SET", c.o.Prefix+":go:strange", "no set", "EX", "100")
	}
	for i := range reapGroups {
		g := "g" + strconv.Itoa(i)
		for _, s := range c.all {
			if len(groupMembers(s, c.o, g)) > 0 { // it is on this server
				pythonAdds(s, c.o, g, pythonMember)
			}
		}
	}
}

func (c *reapCase) members(group string) (all []string) {
	for _, s := range c.all {
		all = append(all, groupMembers(s, c.o, group)...)
	}
	return all
}

// over reports whether Python's members are alone.
func (c *reapCase) over() bool {
	for i := range reapGroups {
		if !slices.Equal(c.members("g"+strconv.Itoa(i)), []string{pythonMember}) {
			return false
		}
	}
	return true
}

func (c *reapCase) check(t *testing.T) {
	t.Helper()
	if n := len(c.members("elsewhere")); n != c.before+c.afterward {
		t.Errorf("%s: %d of the living are in their group, want %d", c.name, n, c.before+c.afterward)
	}
	until(t, soon, c.name+": the living alone are listed, each on its group's server", func() bool {
		listed := 0
		for _, s := range c.all {
			listed += len(strings.Fields(s.CLI("ZRANGE", c.o.Prefix+":go:processes", "0", "-1")))
		}
		return listed == c.before+c.afterward
	})
	for _, s := range c.all {
		for _, key := range strings.Fields(s.CLI("KEYS", c.o.Prefix+":go:*")) {
			if ttl, _ := strconv.Atoi(s.CLI("TTL", key)); ttl <= 0 || ttl > 120 {
				t.Errorf("%s: %s lives for another %d s", c.name, key, ttl)
			}
		}
	}
}

// Any Go process takes those that have died out of their groups, on all servers, whatever its own groups are; and so does
// one that starts afterwards.
func TestCoreTakesTheDeadOut(t *testing.T) {
	t.Parallel()
	cases := []*reapCase{
		{name: "another lives", servers: 1, before: 1},
		{name: "two others live", servers: 1, before: 2},
		{name: "three servers", servers: 3, before: 1},
		{name: "a successor", servers: 1, afterward: 1},
		{name: "after a FLUSHALL", servers: 1, before: 1, flush: true},
	}
	for _, c := range cases { // together, as all there is to do is to wait
		c.start(t)
	}
	for _, c := range cases {
		c.end()
		for range c.afterward {
			newChannel(t, coreReady(t, c.o), "elsewhere")
		}
	}
	died := time.Now() // or before: all that took a while
	for _, c := range cases {
		until(t, reapLimit-time.Since(died), c.name+": Python's members are alone", c.over)
		t.Logf("%s: after %.1f s", c.name, time.Since(died).Seconds())
	}
	for _, c := range cases {
		c.check(t)
	}
}

// One that dies while it takes the dead out leaves the rest to the next.
func TestCoreTakesUpWhereAnotherDied(t *testing.T) {
	t.Parallel()
	const groups = 3000
	s := redistest.Start(t)
	o := reapOptions(s)
	l, _, die := mortal(t, o, s)
	box := newChannel(t, l)
	for i := range groups {
		if err := l.GroupAdd(t.Context(), "g"+strconv.Itoa(i), box.Channel()); err != nil {
			t.Fatal(err)
		}
	}
	reaper, proxies, stop := mortal(t, o, s)
	newChannel(t, reaper, "elsewhere")
	recorder := redistest.NewRecorder(t, s.Addr())
	left := func() int { return len(strings.Fields(s.CLI("KEYS", o.Prefix+":group:g*"))) }
	for _, p := range proxies {
		p.Delay(30 * time.Millisecond)
	}
	die()
	until(t, reapLimit, "some groups are gone", func() bool { return left() < groups })
	stop()
	if n := left(); n == 0 {
		t.Fatal("the first has not died in the middle of it")
	}
	o.Hosts = []any{recorder.URL()}
	coreReady(t, o)
	until(t, reapLimit, "all groups are gone", func() bool { return left() == 0 })
	for _, c := range recorder.Take() {
		if len(c) > 1000 {
			t.Errorf("%s has %d arguments", c[0], len(c))
		}
	}
}

// What a process has left while its server was away it leaves when that is back.
func TestCoreLeavesLater(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	o := coreOptions(s)
	l, proxies, die := mortal(t, o, s)
	stays, leaves := newChannel(t, l, "stays"), newChannel(t, l, "left", "rejoined")
	before := groupMembers(s, o, "rejoined")
	die()
	coreUp(t, l, false)
	leaves.Close()
	proxies[0].Refuse(false)
	coreUp(t, l, true)
	if err := l.GroupAdd(t.Context(), "rejoined", stays.Channel()); err != nil {
		t.Fatal(err)
	}
	until(t, soon, "it has left", func() bool { return len(groupMembers(s, o, "left")) == 0 })
	until(t, soon, "the old membership has ended", func() bool {
		now := groupMembers(s, o, "rejoined")
		return len(now) == 1 && !slices.Equal(now, before)
	})
	if n := len(groupMembers(s, o, "stays")); n != 1 {
		t.Errorf("%d members where it stays", n)
	}
	stays.Close()
	until(t, soon, "nothing but the reader's count is left", func() bool { return s.CLI("DBSIZE") == "1" })
}
