package consumertest_test

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/gochannels/channels/testing/consumertest"
)

func TestFragmentsAreJoined(t *testing.T) {
	t.Parallel()
	c := consumertest.NewWebsocketCommunicator(t, saying(
		"\x01\x02\xc3\xa9"+"\x89\x00"+"\x00\x01\xe2"+"\x8a\x01x"+"\x80\x02\x82\xac"+ // é€, cut inside the €, with a ping and a pong between
			"\x02\x00"+"\x80\x01\xff"+
			"\x01\x00"+"\x80\x00"), "/")
	c.Connect()
	c.ExpectText("é€")
	c.ExpectBinary([]byte{255})
	c.ExpectText("")
	c.CloseNow()
}

func TestPingsAreAnswered(t *testing.T) {
	t.Parallel()
	pongs := make(chan string, 1)
	payload := strings.Repeat("p", 125)
	c := consumertest.NewWebsocketCommunicator(t, raw(func(conn net.Conn, br *bufio.Reader) {
		_, _ = io.WriteString(conn, "\x89\x7d"+payload)
		frame := make([]byte, 2+4+125)
		_, _ = io.ReadFull(br, frame)
		for i := range frame[6:] {
			frame[6+i] ^= frame[2+i%4]
		}
		pongs <- string(frame[:2]) + string(frame[6:])
	}), "/")
	c.Connect()
	if got, want := <-pongs, "\x8a\xfd"+payload; got != want { // nobody had to receive
		t.Errorf("the answer is %q, want %q", got, want)
	}
}

func TestViolationsFailTest(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, sent, want string }{
		{"reserved bit", "\xc1\x00", "reserved bits"},
		{"unknown kind", "\x83\x00", "unknown kind 3"},
		{"unknown control kind", "\x8b\x00", "unknown kind 11"},
		{"masked", "\x81\x80abcd", "a masked frame"},
		{"fragmented ping", "\x09\x00", "control frame in fragments"},
		{"long ping", "\x89\x7e\x00\x7e", "control frame of more than 125 bytes"},
		{"16 bits for 125", "\x81\x7e\x00\x7d", "a length of 125 in 16 bits"},
		{"64 bits for 65535", "\x81\x7f\x00\x00\x00\x00\x00\x00\xff\xff", "a length of 65535 in 64 bits"},
		{"negative length", "\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff", "a length of 18446744073709551615"},
		{"continuation of nothing", "\x80\x00", "continuation of no message"},
		{"message in message", "\x01\x00\x81\x00", "a new message inside another"},
		{"text not UTF-8", "\x81\x01\xff", "a text message that is not UTF-8"},
		{"half a close code", "\x88\x01\x03", "half a code"},
		{"close code 1006", "\x88\x02\x03\xee", "the close code 1006"},
		{"close code 999", "\x88\x02\x03\xe7", "the close code 999"},
		{"close reason not UTF-8", "\x88\x03\x03\xe8\xff", "a close reason that is not UTF-8"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := &recorder{TB: t}
			wantFailure(t, r.run(func() {
				c := consumertest.NewWebsocketCommunicator(r, saying(test.sent), "/")
				c.Connect()
				c.ExpectText("x")
			}), "the server broke the WebSocket protocol: ", test.want)
			wantFailure(t, r.end(), test.want) // also who asks for nothing is told
		})
	}
}

func TestFramesAfterCloseFailTest(t *testing.T) {
	t.Parallel()
	for _, after := range []string{"\x81\x00", "\x89\x00\x80\x00"} {
		r := &recorder{TB: t}
		wantFailure(t, r.run(func() {
			c := consumertest.NewWebsocketCommunicator(r, saying("\x88\x02\x03\xe8"+after), "/")
			c.Connect()
			c.ExpectClose(1000)
			c.Disconnect()
		}), "a data frame after the close frame")
		r.end()
	}
}

// A frame cut short is a cut connection, however much it promised.
func TestFramesCutShort(t *testing.T) {
	t.Parallel()
	for _, sent := range []string{"\x81", "\x81\x7e\x01", "\x81\x7f\x00", "\x81\x05abc", "\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xffabc"} {
		c := consumertest.NewWebsocketCommunicator(t, raw(func(conn net.Conn, _ *bufio.Reader) {
			_, _ = io.WriteString(conn, sent)
		}), "/")
		c.Connect()
		c.ExpectClose(1006)
	}
}
