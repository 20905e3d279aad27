package redislayer

import (
	"crypto/rand"
	"hash/maphash"
	"strings"

	"github.com/gochannels/channels/layer/redislayer/internal/wire"
)

// coreKeys is how many keys a process reads. Python senders count a capacity for each.
const coreKeys = 8

// goMark is in the ids that Go processes choose for themselves and for their memberships, where a UUID has its version and
// variant: 8 and b, which no uuid4 has, and more. It tells a Go process' key and membership from Python's.
const (
	goMark   = "8607ba5e"
	tagSize  = 12 // of what all names of a process end with
	markFrom = 12
	idSize   = 32

	// goSender is a name that Go adds to those a message is for, if it goes to a Go process: Python, which counts the room in
	// a key otherwise, has not sent it.
	goSender = "go"

	specificPrefix = "specific."
	processSize    = len(specificPrefix) + idSize + 1 // up to and including the '!'
)

// coreNames are the names by which this process is known: what stands before and including the '!' of its channels.
//
// All of them belong to one server, the process' home, as all keys of a Python process do. So one reader sees the messages
// for one channel in the order of their scores, whichever of the keys they came by.
type coreNames struct {
	home      int
	shards    int
	seed      maphash.Seed
	processes [coreKeys]string
}

func newCoreNames(shards int) *coreNames {
	tag := newID()[:tagSize]
	n := &coreNames{home: randomIndex(shards), shards: shards, seed: maphash.MakeSeed()}
	for i := range n.processes {
		for n.processes[i] == "" || wire.Shard(n.processes[i], shards) != n.home {
			n.processes[i] = specificPrefix + markedID()[:idSize-tagSize] + tag + "!"
		}
	}
	return n
}

func randomIndex(n int) int {
	var b [1]byte
	_, _ = rand.Read(b[:])
	return int(b[0]) % n
}

func markedID() string {
	id := newID()
	return id[:markFrom] + goMark + id[markFrom+len(goMark):]
}

// keyOf returns which of the keys the messages of a group, or of a new channel, come by. It must have nothing to do with
// wire.Shard: with a CRC for both, some keys would have no channel on their server.
func (n *coreNames) keyOf(name string) int { return int(maphash.String(n.seed, name) % coreKeys) }

// newChannel returns the name of a new channel. Python's send looks for the server by the whole name, while a process
// reads from that of the part up to the '!': this name leads to the same one both ways.
func (n *coreNames) newChannel() string {
	for {
		id := newID()
		name := n.processes[n.keyOf(id)] + id
		if wire.Shard(name, n.shards) == n.home {
			return name
		}
	}
}

// newMember returns the name by which this process is in a group.
func (n *coreNames) newMember(group string) string {
	return n.processes[n.keyOf(group)] + markedID()
}

// own returns which of our keys a channel is read from, -1 if it is not ours.
func (n *coreNames) own(channel string) int {
	for i, p := range n.processes {
		if strings.HasPrefix(channel, p) {
			return i
		}
	}
	return -1
}

// nonLocal returns the part of a channel's name that its key and its server follow from.
func nonLocal(channel string) string {
	if i := strings.IndexByte(channel, '!'); i >= 0 {
		return channel[:i+1]
	}
	return channel
}

// goProcess returns what the names of one Go process have in common, "" for the name of any other.
func goProcess(process string) string {
	const from = len(specificPrefix) + markFrom
	if len(process) != processSize || process[from:from+len(goMark)] != goMark || !strings.HasPrefix(process, specificPrefix) {
		return ""
	}
	return process[processSize-1-tagSize : processSize-1]
}
