package transport

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"reflect"
	"time"
)

// hijacker lets the library answer the handshake and hands it a closed connection, keeping the
// real one and what net/http has read of it already.
//
// An answer that no middleware looks at is written here: net/http's way takes a stack of
// eight kilobytes, which a connection's goroutine would have to grow first.
type hijacker struct {
	http.ResponseWriter
	bare    bool // ResponseWriter is net/http's own
	timeout time.Duration
	conn    net.Conn
	early   []byte
}

// isBare reports whether w is what net/http's server hands to its handler. The name is no
// promise of net/http's; if it changes, answers go through w as they do through middleware.
func isBare(w http.ResponseWriter) bool {
	t := reflect.TypeOf(w)
	return t.Kind() == reflect.Pointer && t.Elem().PkgPath() == "net/http" && t.Elem().Name() == "response"
}

// WriteHeader implements http.ResponseWriter.
func (h *hijacker) WriteHeader(status int) {
	switch {
	case h.conn != nil: // nothing can be answered any more
	case !h.bare || status != http.StatusSwitchingProtocols:
		h.ResponseWriter.WriteHeader(status)
	}
}

// Write implements http.ResponseWriter.
func (h *hijacker) Write(b []byte) (int, error) {
	if h.conn != nil {
		return 0, http.ErrHijacked
	}
	return h.ResponseWriter.Write(b)
}

// Hijack implements http.Hijacker, reaching through middleware that has only
// Unwrap.
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, brw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.conn = conn
	if err := conn.SetDeadline(time.Time{}); err != nil { // net/http's time-outs
		return nil, nil, err
	}
	if early, _ := brw.Reader.Peek(brw.Reader.Buffered()); len(early) > 0 {
		h.early = append([]byte(nil), early...)
	}
	return closedConn{}, bufio.NewReadWriter(bufio.NewReaderSize(closedConn{}, 16), bufio.NewWriterSize(closedConn{}, 16)), nil
}

// answer writes the response of RFC 6455 section 4.2.2 with the headers that were set, if
// net/http has not.
func (h *hijacker) answer() error {
	if !h.bare {
		return nil
	}
	b := bytes.NewBuffer(make([]byte, 0, 256))
	b.WriteString("HTTP/1.1 101 Switching Protocols\r\n")
	h.Header().Write(b) // which a buffer never fails
	b.WriteString("\r\n")
	if err := h.conn.SetWriteDeadline(time.Now().Add(h.timeout)); err != nil {
		return err
	}
	if _, err := h.conn.Write(b.Bytes()); err != nil {
		return err
	}
	return h.conn.SetWriteDeadline(time.Time{})
}

// WriteHeaderNow is looked for by the library: gin delays the header otherwise.
func (h *hijacker) WriteHeaderNow() {
	if w, ok := h.ResponseWriter.(interface{ WriteHeaderNow() }); ok {
		w.WriteHeaderNow()
	}
}

// closedConn is a connection that is closed already.
type closedConn struct{}

func (closedConn) Read([]byte) (int, error)         { return 0, net.ErrClosed }
func (closedConn) Write([]byte) (int, error)        { return 0, net.ErrClosed }
func (closedConn) Close() error                     { return nil }
func (closedConn) LocalAddr() net.Addr              { return nil }
func (closedConn) RemoteAddr() net.Addr             { return nil }
func (closedConn) SetDeadline(time.Time) error      { return nil }
func (closedConn) SetReadDeadline(time.Time) error  { return nil }
func (closedConn) SetWriteDeadline(time.Time) error { return nil }
