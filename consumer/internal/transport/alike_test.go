//lint:file-ignore SA1019 The library is an independent opinion here.

package transport_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"nhooyr.io/websocket"

	"github.com/gochannels/channels/consumer/internal/transport"
)

const alikeLimit = 4000

// outcome is what somebody made of a stream: the messages, and how it ended.
type outcome struct {
	messages []string // the kind's first byte, the payload
	code     int      // of the peer's close frame, or of the one that answers a fault; 0: neither
	reason   string   // of the peer's close frame
	err      error    // nil after the peer's close frame
}

// ours reads a client's stream as this package does.
func ours(stream []byte, deflate bool) (o outcome) {
	settings := &transport.Settings{
		ReadLimit: alikeLimit, QueueBytes: 1 << 20, WriteTimeout: time.Second, CloseTimeout: time.Second,
		Flushers: transport.NewFlushers(), Dropped: new(atomic.Int64),
	}
	c := transport.NewConn(&scripted{in: bytes.NewReader(stream)}, nil, deflate, settings, make(ends, 10))
	for {
		m, err := c.Read()
		if err != nil {
			end := c.End()
			o.code, o.reason, o.err = end.Code, end.Reason, end.Err
			if end.Cause == transport.CauseLost {
				o.code = 0
			}
			return o
		}
		o.messages = append(o.messages, kind(m.Binary)+string(m.Data))
	}
}

func kind(binary bool) string {
	if binary {
		return "b"
	}
	return "t"
}

// theirs reads it as the library's server does.
func theirs(t *testing.T, stream []byte, deflate bool) (o outcome) {
	mode := websocket.CompressionDisabled
	if deflate {
		mode = websocket.CompressionNoContextTakeover
	}
	r, _ := http.NewRequest("GET", "http://x", nil)
	r.Header = http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"},
		"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Sec-Websocket-Extensions": {"permessage-deflate"},
	}
	w := &inMemory{conn: &scripted{in: bytes.NewReader(stream)}, header: http.Header{}}
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: mode})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	c.SetReadLimit(alikeLimit)
	o.read(c)
	if o.code == 0 {
		for out := w.conn.out.Bytes(); len(out) > 1; out = out[2+int(out[1]):] { // control frames alone
			if out[0] == 0x88 && out[1] >= 2 {
				o.code, o.reason = int(out[2])<<8|int(out[3]), string(out[4:2+int(out[1])])
			}
		}
	}
	return o
}

func (o *outcome) read(c *websocket.Conn) {
	for {
		typ, p, err := c.Read(context.Background())
		if end := (websocket.CloseError{}); errors.As(err, &end) {
			o.code, o.reason = int(end.Code), end.Reason
			return
		}
		if err != nil {
			o.err = err
			return
		}
		o.messages = append(o.messages, kind(typ == websocket.MessageBinary)+string(p))
	}
}

// inMemory is a ResponseWriter over a connection in memory.
type inMemory struct {
	conn   *scripted
	header http.Header
}

func (w *inMemory) Header() http.Header         { return w.header }
func (w *inMemory) WriteHeader(int)             {}
func (w *inMemory) Write(p []byte) (int, error) { return len(p), nil }
func (w *inMemory) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return w.conn, bufio.NewReadWriter(bufio.NewReader(w.conn), bufio.NewWriter(w.conn)), nil
}

// alike compares the outcomes of one stream. They differ where RFC 6455 or 7692
// asks for more than the library does, and where they leave a choice; each such
// place is a case here. In all others messages, end, code and reason are equal.
func alike(our, their outcome, deflate bool) error {
	n := min(len(our.messages), len(their.messages))
	for i, m := range our.messages[:n] {
		if m == their.messages[i] {
			continue
		}
		// RFC 7692 section 7.2.1: a final block does not end a message. The
		// library stops there, and takes what is left for frames.
		if deflate && strings.HasPrefix(m, their.messages[i]) {
			return nil
		}
		return fmt.Errorf("message %d: %.80q and %.80q", i, m, their.messages[i])
	}
	more := their.messages[n:] // which the library read further
	is := func(text string) bool { return our.err != nil && our.err.Error() == text }
	switch {
	case deflate && (n < len(our.messages) && their.err != nil || len(more) > 0):
		// The same: it does not wait for the message's last frame either.
		return nil
	case n < len(our.messages):
		return fmt.Errorf("%.80q after %v", our.messages[n], their.err)
	case is("text is not UTF-8"):
		// RFC 6455 section 8.1 asks for it, of text that has not ended too and of a
		// close frame's reason; the library leaves it to others.
		if len(more) > 0 && (more[0][0] != 't' || utf8.ValidString(more[0])) {
			return fmt.Errorf("closed with 1007, and it was UTF-8: %.80q", more)
		}
		return nil
	case is("frame length not in its shortest form, or beyond 63 bits"), is("control frame fragmented or longer than 125 bytes"):
		// Section 5.2 says that the shortest form must be used, which a control frame's
		// always is one byte; the library takes any.
		return nil
	case is("too many control or empty frames"):
		// Section 10.4 lets an endpoint protect itself; the library answers all of them.
		return nil
	case is("message exceeds the read limit"):
		// Section 10.4 again, and earlier than the library: by a header alone, and by
		// the compressed bytes, of which a message may have many and be short.
		if len(more) > 0 && !deflate {
			return fmt.Errorf("closed with 1009 within %.80q", more[0])
		}
		return nil
	case is("compressed message cannot be inflated"):
		// RFC 7692 section 7.2.2; the library takes a stream that is cut off for its end.
		return nil
	case deflate && their.err != nil && (their.code == 1009 || strings.Contains(their.err.Error(), "flate: ")):
		// The library inflates fragments as they come, and may meet a fault there
		// before one of the frames behind.
		return nil
	case len(more) == 1 && their.err != nil && strings.Contains(their.err.Error(), "previous message not read to completion"):
		// RFC 6455 section 5.4: without its last frame it is no message; the library
		// takes the end of the stream for the message's, within a wrong header too.
		return nil
	case len(more) > 0:
		return fmt.Errorf("ended with %d (%v) before %.80q, and %d (%v)", our.code, our.err, more[0], their.code, their.err)
	case our.code == 1002 && our.err != nil:
		// Section 5.1 suggests 1002 for a frame without a mask and section 7.1.7 lets
		// an endpoint drop the connection; the library does that for a missing mask and
		// a negative length, and where the stream ends before it has a whole header.
		if their.err == nil || their.code != 1002 && their.code != 0 {
			return fmt.Errorf("%v (1002), and %d, %v", our.err, their.code, their.err)
		}
		return nil
	case our.code != their.code || our.reason != their.reason:
		return fmt.Errorf("ended with %d %q %v, and %d %q %v", our.code, our.reason, our.err, their.code, their.reason, their.err)
	}
	return nil
}

// client reads a server's stream as the library's client does.
func client(t *testing.T, stream []byte, deflate bool) (o outcome) {
	opts := &websocket.DialOptions{HTTPClient: &http.Client{Transport: answers{stream, deflate}}, CompressionMode: websocket.CompressionContextTakeover}
	c, _, err := websocket.Dial(context.Background(), "ws://x", opts)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	c.SetReadLimit(-1)
	o.read(c)
	return o
}

// answers agrees to a handshake and has the server's stream behind it.
type answers struct {
	stream  []byte
	deflate bool
}

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	h := http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Accept": {base64.StdEncoding.EncodeToString(sum[:])}}
	if a.deflate {
		h.Set("Sec-WebSocket-Extensions", "permessage-deflate; client_no_context_takeover; server_no_context_takeover")
	}
	return &http.Response{StatusCode: 101, Header: h, Body: &scripted{in: bytes.NewReader(a.stream)}, Request: r}, nil
}
