package redislayer_test

import (
	"context"
	"log"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer"
)

// A Django process with CHANNEL_LAYERS = {"default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG":
// {"hosts": ["redis://redis:6379"]}}} and this one are in one group.
func ExampleNewPubSub() {
	l, err := redislayer.NewPubSub(&redislayer.Options{Hosts: []any{"redis://redis:6379"}})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	err = l.GroupSend(context.Background(), "user:42", layer.Message{"type": "chat.message", "text": "hello"})
	if err != nil {
		log.Print(err) // layer.ErrUnavailable or layer.ErrOutcomeUnknown while Redis is down
	}
}
