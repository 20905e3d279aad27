package transport_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gochannels/channels/consumer/internal/transport"
)

// scripted is a connection on which a client has sent all it ever will.
type scripted struct {
	net.Conn
	in  *bytes.Reader
	out bytes.Buffer
}

func (s *scripted) Read(p []byte) (int, error)       { return s.in.Read(p) }
func (s *scripted) Write(p []byte) (int, error)      { return s.out.Write(p) }
func (s *scripted) Close() error                     { return nil }
func (s *scripted) SetReadDeadline(time.Time) error  { return nil }
func (s *scripted) SetWriteDeadline(time.Time) error { return nil }

type ends chan *transport.EndError

func (e ends) Ended(end *transport.EndError) { e <- end }

// Whatever a client sends, the connection ends once, with a code that may be
// told, and messages are within the limit, text is UTF-8, and nothing panics.
func FuzzRead(f *testing.F) {
	f.Add(frame(0x81, "hello"), false)
	f.Add(append(frame(0x01, "a\xe2"), frame(0x80, "\x82\xac")...), false)
	f.Add(append(frame(0x89, "x"), frame(0x88, closePayload(1000, "bye"))...), false)
	f.Add(frame(0xC1, "\xf2\x48\xcd\xc9\xc9\x07\x00"), true)
	f.Add([]byte{0x82, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0}, false)
	f.Add(frame(0x82, string(make([]byte, 5000))), false)
	f.Fuzz(func(t *testing.T, in []byte, deflate bool) {
		const limit = 4000
		settings := &transport.Settings{
			ReadLimit: limit, QueueBytes: 1 << 20, WriteTimeout: time.Second, CloseTimeout: time.Second,
			Flushers: transport.NewFlushers(), Dropped: new(atomic.Int64),
		}
		end := make(ends, 10)
		c := transport.NewConn(&scripted{in: bytes.NewReader(in)}, nil, deflate, settings, end)
		for {
			m, err := c.Read()
			if err != nil {
				break
			}
			if len(m.Data) > limit {
				t.Fatalf("a message of %d bytes", len(m.Data))
			}
			if !m.Binary && !utf8.Valid(m.Data) {
				t.Fatalf("text %q", m.Data)
			}
		}
		select {
		case e := <-end:
			if e.Code != transport.CodeNoStatus && e.Code != transport.CodeAbnormal && transport.CheckCode(e.Code) != nil {
				t.Errorf("ended with %d", e.Code)
			}
		default:
			t.Error("Read failed, and nobody was told of an end")
		}
		if len(end) > 0 {
			t.Error("ended twice")
		}
	})
}

// Masking is its own inverse and begins anywhere, RFC 6455 section 5.3.
func FuzzUnmask(f *testing.F) {
	f.Add([]byte("hello, world"), []byte{1, 2, 3, 4}, 5)
	f.Fuzz(func(t *testing.T, p, key []byte, cut int) {
		if len(key) != 4 || cut < 0 || cut > len(p) {
			return
		}
		want := bytes.Clone(p)
		for i := range want {
			want[i] ^= key[i%4]
		}
		got := bytes.Clone(p)
		k := binary.LittleEndian.Uint32(key)
		transport.Unmask(got[:cut], k, 0)
		transport.Unmask(got[cut:], k, cut)
		if !bytes.Equal(got, want) {
			t.Errorf("cut at %d: %x, want %x", cut, got, want)
		}
	})
}

var _ io.Reader = (*scripted)(nil)
