package consumer_test

import (
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gochannels/channels/consumer"
)

// readers counts goroutines that read in place of a worn one.
func readers() int {
	buf := make([]byte, 4<<20)
	return strings.Count(string(buf[:runtime.Stack(buf, true)]), "created by github.com/gochannels/channels/consumer.(*session).readOn")
}

// A reader that has handled messages gives way to a new one when its client
// has been silent for some time, once. No t.Parallel: goroutines are counted.
func TestReaderIsRenewedAfterSilence(t *testing.T) {
	app := (&hooks{}).handler(t, consumer.Options{FromClient: []string{"test.event"}, PingInterval: 40 * time.Millisecond})
	consumer.RestAfter(app, 20*time.Millisecond)
	srv := serve(t, app)
	conn, br := dial(t, srv)
	pinged := func() {
		t.Helper()
		for range 5 {
			if _, err := io.ReadFull(br, make([]byte, 2)); err != nil {
				t.Fatal(err)
			}
			conn.Write([]byte{0x8a, 0x80, 0, 0, 0, 0})
		}
	}
	pinged()
	if n := readers(); n != 0 {
		t.Errorf("%d readers were renewed though none had handled anything", n)
	}
	for range 3 {
		text := `{"type":"test.event"}`
		if _, err := conn.Write(append([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}, text...)); err != nil {
			t.Fatal(err)
		}
		if first := skip(t, br); first != 0x81 {
			t.Fatalf("frame %x", first)
		}
		pinged()
		if n := readers(); n != 1 {
			t.Errorf("%d readers were renewed, want 1", n)
		}
	}
	if n := app.Stats().Open; n != 1 {
		t.Errorf("%d open", n)
	}
}
