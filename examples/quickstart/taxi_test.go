package main

import (
	"net/http"
	"testing"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/testing/consumertest"
)

var message = consumer.Message{"type": "echo.message", "data": "This is a test message."}

func newApp(l layer.ChannelLayer) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/taxi/", consumer.MustHandler(NewTaxi, &consumer.Options{Layer: l}))
	return mux
}

func TestSendAndReceive(t *testing.T) {
	rider := consumertest.NewWebsocketCommunicator(t, newApp(new(layer.Memory)), "/taxi/")
	rider.Connect()
	rider.SendJSON(message)
	rider.ExpectJSON(message)
	rider.Disconnect()
}

func TestBroadcast(t *testing.T) {
	l := new(layer.Memory)
	rider := consumertest.NewWebsocketCommunicator(t, newApp(l), "/taxi/")
	rider.Connect()
	if err := l.GroupSend(t.Context(), "test", message); err != nil {
		t.Fatal(err)
	}
	rider.ExpectJSON(message)
	rider.Disconnect()
}
