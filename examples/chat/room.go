package main

import (
	"context"
	"net/http"
	"time"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/group"
	"github.com/gochannels/channels/layer"
)

// Room is one visitor of one room: the consumer of /room/{room}/ws.
type Room struct {
	consumer.Base
	rooms *Rooms
	name  string
	nick  string // empty until the visitor gave one
}

// NewChat returns the handler of the rooms' sockets.
func NewChat(l layer.ChannelLayer, rooms *Rooms) *consumer.Handler {
	newRoom := func() *Room { return &Room{rooms: rooms} }
	return consumer.MustHandler(newRoom, &consumer.Options{Layer: l, ReadLimit: 16 << 10})
}

// Connect joins the room and shows it. The group is joined before the history is
// read, so that nothing said in between is missed; the page knows by its id what
// it has seen twice.
func (r *Room) Connect(ctx context.Context) error {
	r.name = r.Scope().PathValue("room")
	if !ValidRoom(r.name) {
		return &consumer.DenyError{Status: http.StatusNotFound}
	}
	if err := r.GroupAdd(ctx, GroupOf(r.name)); err != nil {
		return err
	}
	if err := r.Accept(ctx); err != nil {
		return err
	}
	r.rooms.Enter(r.name)
	return r.welcome(ctx)
}

// Disconnect runs once for each connection that was accepted.
func (r *Room) Disconnect(context.Context, consumer.StatusCode) error {
	r.rooms.Leave(r.name)
	return nil
}

// ReceiveJSON takes what the page sends.
func (r *Room) ReceiveJSON(ctx context.Context, msg consumer.Message) error {
	switch msg.Type() {
	case "chat.nick":
		nick, _ := msg["nick"].(string)
		return r.rename(ctx, nick)
	case "chat.message":
		id, _ := msg["id"].(string)
		text, _ := msg["text"].(string)
		return r.say(ctx, id, text)
	}
	return nil
}

// ChatMessage handles "chat.message" from the channel layer: somebody said
// something. It is kept here too, and not by its speaker only, so that each of
// several processes knows what its visitors have seen.
func (r *Room) ChatMessage(ctx context.Context, said Said) error {
	r.rooms.Keep(r.name, said)
	return r.SendJSON(ctx, said)
}

// ChatPeople handles "chat.people" from the channel layer: how many are here now,
// by one of the processes that serve the room.
func (r *Room) ChatPeople(ctx context.Context, msg People) error {
	people := r.rooms.Heard(r.name, msg)
	return r.SendJSON(ctx, consumer.Message{"type": "chat.people", "people": people})
}

// Gap is told when the layer may have lost messages; the history has them.
func (r *Room) Gap(ctx context.Context, _ layer.Gap) error {
	return r.welcome(ctx)
}

func (r *Room) welcome(ctx context.Context) error {
	history, people := r.rooms.Look(r.name)
	return r.SendJSON(ctx, consumer.Message{"type": "chat.welcome", "people": people, "history": history})
}

func (r *Room) rename(ctx context.Context, nick string) error {
	nick, problem := CleanNick(nick)
	if problem != "" {
		return r.SendJSON(ctx, consumer.Message{"type": "chat.refused", "problem": problem})
	}
	r.nick = nick
	return r.SendJSON(ctx, consumer.Message{"type": "chat.nick", "nick": nick})
}

func (r *Room) say(ctx context.Context, id, text string) error {
	text, problem := CleanText(text)
	switch {
	case !ValidID(id):
		problem = "A message needs an id of letters, digits and hyphens."
	case r.nick == "":
		problem = "Choose a nickname first."
	}
	if problem != "" {
		return r.refuse(ctx, id, problem)
	}
	said, fresh := r.rooms.Keep(r.name, Said{Type: "chat.message", ID: id, Nick: r.nick, Text: text, At: time.Now().UnixMilli()})
	if !fresh {
		// Said before: only its sender has not seen it come back.
		return r.SendJSON(ctx, said)
	}
	if err := r.GroupSend(ctx, GroupOf(r.name), said.Message()); err != nil {
		r.rooms.Forget(r.name, id)
		return r.refuse(ctx, id, "The server could not pass this on. Try again.")
	}
	return nil
}

func (r *Room) refuse(ctx context.Context, id, problem string) error {
	return r.SendJSON(ctx, consumer.Message{"type": "chat.refused", "id": id, "problem": problem})
}

// GroupOf returns the group of a room. Any room name gives a valid group name.
func GroupOf(room string) string { return group.Name("chat", room) }
