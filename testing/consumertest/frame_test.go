package consumertest

import (
	"bufio"
	"bytes"
	"errors"
	"testing"
)

// Whatever a server sends, reading ends, and takes no more memory than came.
func FuzzReadFrame(f *testing.F) {
	for _, seed := range []string{"\x81\x05hello", "\x88\x02\x03\xe8", "\x82\x7e\x00\x7e", "\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", "\xc1\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		fr, err := readFrame(bufio.NewReader(bytes.NewReader(b)))
		if err != nil {
			return
		}
		if len(fr.payload) > len(b) {
			t.Errorf("%d bytes of payload from %d bytes", len(fr.payload), len(b))
		}
		masked := appendFrame(nil, fr.op, fr.payload)
		_, err = readFrame(bufio.NewReader(bytes.NewReader(masked)))
		if fault := (*violationError)(nil); !errors.As(err, &fault) {
			t.Errorf("what a client sends passes for a server's: %v", err)
		}
		unmasked := unmask(masked, len(fr.payload))
		again, err := readFrame(bufio.NewReader(bytes.NewReader(unmasked)))
		if err != nil || !bytes.Equal(again.payload, fr.payload) || again.op != fr.op {
			t.Errorf("wrote %v, read %v, %v", fr, again, err)
		}
		if fr.op == opClose {
			_, _ = parseClose(fr.payload)
		}
	})
}

// unmask turns a client's frame into a server's.
func unmask(b []byte, n int) []byte {
	header := len(b) - n - 4
	out := bytes.Clone(b[:header])
	out[1] &^= 0x80
	for i, c := range b[header+4:] {
		out = append(out, c^b[header+i&3])
	}
	return out
}
