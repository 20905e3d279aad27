//lint:file-ignore SA1019 the library the project is built on: here, a server that isn't ours

package consumertest_test

import (
	"context"
	"errors"
	"net/http"

	"nhooyr.io/websocket"

	"github.com/gochannels/channels/consumer"
)

// socket is the server's end of a connection, served by nhooyr.io/websocket.
type socket struct {
	ctx  context.Context
	conn *websocket.Conn
}

func accept(w http.ResponseWriter, r *http.Request, subprotocols ...string) (*socket, error) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: subprotocols})
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(-1)
	return &socket{context.WithoutCancel(r.Context()), conn}, nil
}

func (s *socket) read() (consumer.Frame, error) {
	kind, b, err := s.conn.Read(s.ctx)
	return consumer.Frame{Binary: kind == websocket.MessageBinary, Data: b}, err
}

func (s *socket) write(f consumer.Frame) error {
	kind := websocket.MessageText
	if f.Binary {
		kind = websocket.MessageBinary
	}
	return s.conn.Write(s.ctx, kind, f.Data)
}

func (s *socket) close(code int, reason string) error {
	return s.conn.Close(websocket.StatusCode(code), reason)
}

func (s *socket) cut() { _ = s.conn.CloseNow() }

// closeStatus returns what a read that failed tells of the client's close frame.
func closeStatus(err error) (code int, reason string) {
	if closed := (websocket.CloseError{}); errors.As(err, &closed) {
		return int(closed.Code), closed.Reason
	}
	return -1, ""
}
