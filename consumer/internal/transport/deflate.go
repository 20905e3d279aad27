package transport

import (
	"bytes"
	"compress/flate"
	"io"
	"sync"
)

// deflateThreshold is the payload below which compressing costs more than it
// saves.
const deflateThreshold = 128

// tail ends the DEFLATE stream that a sender cuts before transmission
// (RFC 7692 section 7.2.2), followed by an empty final block, so that a reader
// sees the end. A message may have final blocks of its own before it.
const tail = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"

var (
	deflaters = sync.Pool{New: func() any { w, _ := flate.NewWriter(nil, flate.BestSpeed); return w }}
	inflaters = sync.Pool{New: func() any { return flate.NewReader(bytes.NewReader(nil)) }}
)

// deflateFrame returns payload as one compressed frame, or nil if it gains
// nothing. It refers to no earlier message, so it is valid for each connection
// that agreed on compression, with or without context takeover.
func deflateFrame(first byte, payload []byte) []byte {
	buf := bytes.NewBuffer(make([]byte, maxHeader, maxHeader+len(payload)/2))
	w := deflaters.Get().(*flate.Writer)
	w.Reset(buf)
	w.Write(payload) // a bytes.Buffer takes everything
	w.Flush()
	w.Reset(nil)
	deflaters.Put(w)
	b := bytes.TrimSuffix(buf.Bytes(), []byte(tail[:4]))
	if len(b)-maxHeader >= len(payload) {
		return nil
	}
	var head [maxHeader]byte
	h := appendHeader(head[:0], first|rsv1Bit, len(b)-maxHeader)
	b = b[maxHeader-len(h):]
	copy(b, h)
	return b
}

// inflate appends to dst the message that b, which ends with tail, holds. A
// message of more than limit bytes is errTooBig, and no more than limit bytes
// are made of it.
func inflate(dst, b []byte, limit int) ([]byte, error) {
	r := inflaters.Get().(io.ReadCloser)
	defer inflaters.Put(r)
	// A bytes.Reader is read no further than a final block's end.
	src := bytes.NewReader(b)
	blocks := 16 + len(b)>>10 // final blocks it may have: to begin anew costs a window
	if err := r.(flate.Resetter).Reset(src, nil); err != nil {
		return dst, errInflate
	}
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := r.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		switch {
		case len(dst) > limit:
			return dst[:0], errTooBig
		case err == io.EOF && src.Len() <= len(tail):
			return dst, nil
		case err == io.EOF && blocks == 0:
			return dst, errTooBig
		case err == io.EOF: // a final block, and the next one may refer to what was before it
			blocks--
			err = r.(flate.Resetter).Reset(src, dst[max(0, len(dst)-window):])
		}
		if err != nil {
			return dst, errInflate
		}
	}
}

// window is how far back DEFLATE refers, RFC 1951 section 2.
const window = 32 << 10
