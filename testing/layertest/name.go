package layertest

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/gochannels/channels/layer"
)

var nameCases = []Case{
	{
		Name:    "names-unique",
		Promise: "Every new channel has a valid name of its own, also among several layers.",
		Limit:   usual,
		run:     namesUnique,
	},
	{
		Name:    "names-channel",
		Promise: "A channel's name is 1 to 99 ASCII letters, digits, '-', '_' and '.', with at most one '!' after the first; any other is a *NameError.",
		Limit:   usual,
		run:     namesChannel,
	},
	{
		Name:    "names-group",
		Promise: "A group's name is 1 to 99 ASCII letters, digits, '-', '_' and '.'; any other is a *NameError.",
		Limit:   usual,
		run:     namesGroup,
	},
}

// names lists names of channels and groups. A specific name is a channel's only.
var names = []struct {
	name           string
	channel, group bool
}{
	{"a", true, true},
	{"Z", true, true},
	{"0", true, true},
	{"-", true, true},
	{"_", true, true},
	{".", true, true},
	{"room.1_A-b", true, true},
	{"chat", true, true},
	{strings.Repeat("a", 99), true, true},
	{"a!", true, false},
	{"a!b", true, false},
	{"specific.x!y.z-_", true, false},
	{strings.Repeat("a", 97) + "!b", true, false},
	{"", false, false},
	{"!", false, false},
	{"!a", false, false},
	{"a!b!c", false, false},
	{"a!é", false, false},
	{" ", false, false},
	{"a b", false, false},
	{"a\n", false, false},
	{"a!\n", false, false},
	{"\na", false, false},
	{"a\x00", false, false},
	{"\xff", false, false},
	{"٣", false, false},
	{"é", false, false},
	{"user:42", false, false},
	{"a/b", false, false},
	{"a*", false, false},
	{"{a}", false, false},
	{"=+135!", false, false},
	{`¯\_(ツ)_/¯`, false, false},
	{strings.Repeat("a", 100), false, false},
	{strings.Repeat("a", 98) + "!b", false, false},
	{strings.Repeat("chat", 100), false, false},
}

// namesUnique opens channels of two layers, eight at a time.
func namesUnique(r *run) {
	const openers, each = 4, 50
	var mu sync.Mutex
	seen := make(map[string]bool)
	var wg sync.WaitGroup
	for range 2 {
		l := r.open(Options{})
		check := func(name string) error { return layer.CheckChannelName(name) }
		if c, ok := l.(layer.NameChecker); ok {
			check = c.CheckChannelName
		}
		for range openers {
			wg.Go(func() {
				for range each {
					m, err := l.NewChannel(r.ctx)
					if err != nil {
						r.Errorf("NewChannel: %v", err)
						return
					}
					if err := check(m.Channel()); err != nil {
						r.Errorf("a new channel's name: %v", err)
					}
					mu.Lock()
					if seen[m.Channel()] {
						r.Errorf("two channels are named %q", m.Channel())
					}
					seen[m.Channel()] = true
					mu.Unlock()
				}
			})
		}
	}
	wg.Wait()
}

// namesChannel tries each name in the three calls that take a channel. That nobody has opened the specific ones is no matter here.
func namesChannel(r *run) {
	l := r.open(Options{})
	checker, own := l.(layer.NameChecker)
	group := r.name("group")
	for _, n := range names {
		if own {
			n.channel = checker.CheckChannelName(n.name) == nil
		}
		r.nameChecked(fmt.Sprintf("Send to %q", n.name), n.channel, l.Send(r.ctx, n.name, message(1)))
		r.nameChecked(fmt.Sprintf("GroupDiscard of %q", n.name), n.channel, l.GroupDiscard(r.ctx, group, n.name))
		r.nameChecked(fmt.Sprintf("GroupAdd of %q", n.name), n.channel, l.GroupAdd(r.ctx, group, n.name))
	}
}

// namesGroup tries each name in the three calls that take a group.
func namesGroup(r *run) {
	l := r.open(Options{})
	checker, own := l.(layer.NameChecker)
	m := r.channel(l)
	for _, n := range names {
		if own {
			n.group = checker.CheckGroupName(n.name) == nil
		}
		r.nameChecked(fmt.Sprintf("GroupAdd to %q", n.name), n.group, l.GroupAdd(r.ctx, n.name, m.Channel()))
		r.nameChecked(fmt.Sprintf("GroupSend to %q", n.name), n.group, l.GroupSend(r.ctx, n.name, message(1)))
		r.nameChecked(fmt.Sprintf("GroupDiscard from %q", n.name), n.group, l.GroupDiscard(r.ctx, n.name, m.Channel()))
	}
}

// nameChecked checks that a call failed with a *NameError, or not with that.
func (r *run) nameChecked(call string, valid bool, err error) {
	r.Helper()
	var refused *layer.NameError
	switch got := errors.As(err, &refused); {
	case valid && got:
		r.Errorf("%s: %v", call, err)
	case !valid && !got:
		r.Errorf("%s: %v, want a *NameError", call, err)
	}
}
