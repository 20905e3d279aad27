package redislayer

import (
	"crypto/rand"
	"encoding/base64"
	"hash/maphash"
	"slices"
	"strings"

	"github.com/gochannels/channels/layer/redislayer/internal/wire"
)

// coreKeys is how many keys a process reads. Python senders count a capacity for each.
const coreKeys = 8

// The names that Go processes choose for themselves and for their memberships are short, as Python's group_send writes them
// several times for each message. They begin with what is in no UUID, and so in no name of Python's.
const (
	goMark   = "go"
	keySize  = 3 // of what tells the keys of a process apart
	tagSize  = 9 // of what the names of a process have in common, and nobody else's: 54 random bits
	ownSize  = 5 // of what tells a membership from an earlier one of the same process in the same group
	idSize   = len(goMark) + keySize + tagSize
	joinSize = len(goMark) + ownSize

	// goSender is a name that Go adds to those a message is for, if it goes to a Go process: Python, which counts the room in
	// a key otherwise, has not sent it.
	goSender = "go"

	specificPrefix = "specific."
	processSize    = len(specificPrefix) + idSize + 1 // up to and including the '!'
	memberSize     = processSize + joinSize
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
	tag := randomText(tagSize)
	n := &coreNames{home: randomIndex(shards), shards: shards, seed: maphash.MakeSeed()}
	for i := range n.processes {
		for n.processes[i] == "" {
			name := specificPrefix + goMark + randomText(keySize) + tag + "!"
			if wire.Shard(name, shards) == n.home && !slices.Contains(n.processes[:i], name) {
				n.processes[i] = name
			}
		}
	}
	return n
}

func randomIndex(n int) int {
	var b [1]byte
	_, _ = rand.Read(b[:])
	return int(b[0]) % n
}

// randomText returns n characters of six random bits each, which a name may have.
func randomText(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)[:n]
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
	return n.processes[n.keyOf(group)] + goMark + randomText(ownSize)
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
	if len(process) != processSize || !strings.HasPrefix(process, specificPrefix+goMark) {
		return ""
	}
	return process[processSize-1-tagSize : processSize-1]
}
