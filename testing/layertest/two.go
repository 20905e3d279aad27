package layertest

import (
	"crypto/rand"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/gochannels/channels/layer"
)

// Two is a layer as [RunTwo] opens it in two processes.
type Two struct {
	// Open opens a layer. It is also what TestMain gives to [Serve], and must be safe for concurrent use.
	Open func(config string, o Options) (layer.ChannelLayer, error)
	// Config returns what Open is given in both processes: whatever it needs to know, such as an address and a prefix
	// that no other case uses. Layers of one config are to see each other, and nothing of any other. It is called once
	// a case and must be safe for concurrent use.
	Config func(t testing.TB) string
	// NoBytes is [Case.NoBytes].
	NoBytes bool
}

// RunTwo runs the cases about layers in two processes as subtests of t, all at the same time, and returns when all are
// done. The other process is the test binary again, whose TestMain has to begin with [Serve].
func RunTwo(t *testing.T, two Two) {
	t.Helper()
	there := StartProcess(t)
	var wg sync.WaitGroup
	for _, c := range twoCases() {
		wg.Go(func() {
			t.Run(c.Name, func(t *testing.T) { c.runTwo(t, &twoRun{Two: two, there: there, start: StartProcess}) })
		})
	}
	wg.Wait()
}

// twoCases returns the cases about two processes, in the order RunTwo starts them.
func twoCases() []Case {
	return slices.Concat(twoGroupCases, twoMemberCases, twoSendCases, twoNamedCases, twoEndCases, twoLawCases)
}

// twoRun is what a case about two processes has instead of a factory.
type twoRun struct {
	Two

	there *Process
	start func(t testing.TB) *Process
}

func (c Case) runTwo(tb testing.TB, two *twoRun) {
	tb.Helper()
	c.NoBytes = two.NoBytes
	c.attempt(tb, &run{two: two})
}

// where names the processes in failures.
var where = [2]string{"here", "there"}

// both opens a layer here and one in the other process, which see each other.
func (r *run) both(o Options) [2]layer.ChannelLayer {
	r.Helper()
	config := r.two.Config(r.TB)
	return [2]layer.ChannelLayer{r.openHere(config, o), r.openThere(r.two.there, config, o)}
}

// openHere opens a layer in this process and closes it when the test ends.
func (r *run) openHere(config string, o Options) layer.ChannelLayer {
	r.Helper()
	l, err := r.two.Open(config, o)
	if err != nil {
		r.Fatalf("Open: %v", err)
	}
	if l == nil {
		r.Fatal("Open returned no layer")
	}
	r.closeLater("the layer", func() { _ = l.Close() })
	return l
}

func (r *run) openThere(p *Process, config string, o Options) layer.ChannelLayer {
	r.Helper()
	l := p.Open(r.TB, config, o)
	r.closeLater("the layer", func() { _ = l.Close() })
	return l
}

// drainSends returns what each mailbox holds of what the senders, and others, have sent. As [run.drain] does, it goes by
// one more message from each sender to each mailbox.
func (r *run) drainSends(senders []layer.ChannelLayer, ms ...*layer.Mailbox) [][]layer.Message {
	r.Helper()
	got := make([][]layer.Message, len(ms))
	for i, m := range ms {
		fences := make(map[any]bool)
		for _, l := range senders {
			r.send(l, m.Channel(), newFence(fences))
		}
		got[i] = r.upTo(m, fences)
	}
	return got
}

// drainGroup is drainSends for a group's messages and its members. By several servers a group's message and a channel's
// may overtake each other, so these fences go by the group.
func (r *run) drainGroup(senders []layer.ChannelLayer, group string, members ...*layer.Mailbox) [][]layer.Message {
	r.Helper()
	fences := make(map[any]bool)
	for _, l := range senders {
		r.groupSend(l, group, newFence(fences))
	}
	got := make([][]layer.Message, len(members))
	for i, m := range members {
		got[i] = r.upTo(m, fences)
	}
	return got
}

// newFence makes a message unlike all others.
func newFence(fences map[any]bool) layer.Message {
	text := rand.Text()
	fences[text] = true
	return layer.Message{"type": "layertest.fence", "fence": text}
}

// upTo receives until all fences have come, and returns what came before the last.
func (r *run) upTo(m *layer.Mailbox, fences map[any]bool) (got []layer.Message) {
	r.Helper()
	for left := maps.Clone(fences); len(left) > 0; {
		msg := r.receive(m)
		if left[msg["fence"]] {
			delete(left, msg["fence"])
			continue
		}
		got = append(got, msg)
	}
	return got
}

// sorted returns the messages' numbers, from the least on.
func sorted(msgs []layer.Message) []int {
	var got []int
	for _, msg := range msgs {
		got = append(got, number(msg))
	}
	slices.Sort(got)
	return got
}
