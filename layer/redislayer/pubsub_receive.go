package redislayer

import (
	"strings"
	"time"

	"github.com/gochannels/channels/layer"
)

// receive is given each message that Redis pushes, by the one goroutine that reads the connection. It decodes it once and
// delivers it to all members; delivering never blocks.
func (l *PubSub) receive(topic string, payload []byte) {
	groupName, isGroup := strings.CutPrefix(topic, l.groups)
	if !isGroup {
		l.receiveSpecific(topic, payload)
		return
	}
	members := l.registry.Members(groupName)
	if len(members) == 0 {
		return // the last has just left
	}
	e, ok := l.decode(payload)
	if !ok {
		return
	}
	l.counters.Routed(len(members))
	for _, box := range members {
		_ = box.Deliver(e) // what a member cannot take is counted
	}
}

func (l *PubSub) receiveSpecific(channel string, payload []byte) {
	e, ok := l.decode(payload)
	if !ok {
		return
	}
	l.counters.Routed(1)
	if m := l.channels.get(channel); m != nil {
		_ = m.Value().Deliver(e)
		return
	}
	l.counters.Drop(layer.DropNoReceiver, 1)
}

// decode reports false for what is no message, which is counted and otherwise ignored: anybody may publish.
func (l *PubSub) decode(payload []byte) (layer.Envelope, bool) {
	e, _, err := l.codec.Decode(payload, time.Now())
	if err != nil {
		l.events.refuse(err)
		return layer.Envelope{}, false
	}
	return e, true
}
