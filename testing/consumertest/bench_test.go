package consumertest_test

import (
	"testing"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/testing/consumertest"
)

func BenchmarkConnectDisconnect(b *testing.B) {
	app := newTaxis(new(layer.Memory), nil)
	b.ReportAllocs()
	for b.Loop() {
		c := consumertest.NewWebsocketCommunicator(b, app, "/taxi/")
		c.Connect()
		c.Disconnect()
	}
}

func BenchmarkEchoJSON(b *testing.B) {
	c := consumertest.NewWebsocketCommunicator(b, newTaxis(new(layer.Memory), nil), "/taxi/")
	c.Connect()
	message := consumer.Message{"type": "echo.message", "data": "This is a test message."}
	b.ReportAllocs()
	for b.Loop() {
		c.SendJSON(message)
		c.ExpectJSON(message)
	}
}
