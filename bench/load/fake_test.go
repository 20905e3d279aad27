package main

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fake is a server whose faults are the test's. Its methods run on goroutines of
// net/http.
type fake struct {
	// send gets the frames that a broadcast puts on the wire of the connection with
	// that number, and returns those that shall be. nil: the same.
	send func(conn, message int, frame []byte) [][]byte
	// answer gets a client's message and returns the answer's frame. nil: an echo.
	answer func(conn int, p []byte) []byte
	frame  func(p []byte) []byte // makes the frame of a broadcast. nil: one of text
	header string                // of the handshake's answer
	stray  int                   // the message that goes to all, whatever its group

	pongs atomic.Int64

	mu      sync.Mutex
	conns   []net.Conn
	groups  []string // of each connection
	message int
}

func (f *fake) start(t *testing.T) options {
	t.Helper()
	if f.stray == 0 {
		f.stray = -1
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/ws", f.serve)
	mux.HandleFunc("POST /broadcast", f.broadcast)
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{}") })
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return options{
		addr: s.Listener.Addr().String(), pid: os.Getpid(), proto: "ws", scenario: "fanout",
		n: 4, msgs: 20, size: 128, window: 32, in: 1, workers: 4, opening: 4, headers: 4,
		time: 100 * time.Millisecond, patience: time.Second,
	}
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\n%s\r\n", f.header)
	f.mu.Lock()
	i := len(f.conns)
	f.conns, f.groups = append(f.conns, conn), append(f.groups, r.URL.RawQuery)
	f.mu.Unlock()
	for {
		op, p, err := readFrame(rw.Reader)
		if err != nil {
			return
		}
		if op == opPong {
			f.pongs.Add(1)
			continue
		}
		b := serverFrame(op, p)
		if op == opText && f.answer != nil {
			b = f.answer(i, p)
		}
		if _, err := conn.Write(b); err != nil || op == opClose && b != nil {
			return
		}
	}
}

func (f *fake) broadcast(_ http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, _ := strconv.Atoi(r.FormValue("n"))
	first, _ := strconv.Atoi(r.FormValue("first"))
	groups, _ := strconv.Atoi(r.FormValue("groups"))
	for i := range n {
		frame := serverFrame(opText, fmt.Appendf(nil, `{"t":%d,"type":"chat.message"}`, time.Now().UnixNano()))
		if f.frame != nil {
			frame = f.frame(frame[2:])
		}
		for j, conn := range f.conns {
			if groups > 0 && f.stray != f.message && !slices.Contains(strings.Split(f.groups[j], "&"), fmt.Sprintf("group=g%d", (first+i)%groups)) {
				continue
			}
			frames := [][]byte{frame}
			if f.send != nil {
				frames = f.send(j, f.message, frame)
			}
			_, _ = conn.Write(bytes.Join(frames, nil)) // the load counts what is missing
		}
		f.message++
	}
}

func readFrame(r *bufio.Reader) (op byte, p []byte, err error) {
	head := make([]byte, 2)
	if _, err := io.ReadFull(r, head); err != nil {
		return 0, nil, err
	}
	size := int(head[1] & 127)
	if size == 126 {
		var b [2]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return 0, nil, err
		}
		size = int(binary.BigEndian.Uint16(b[:]))
	}
	p = make([]byte, 4+size)
	_, err = io.ReadFull(r, p)
	return head[0] & 15, p[4:], err // the mask key is 0
}

func serverFrame(op byte, p []byte) []byte {
	if len(p) > 125 {
		return append(binary.BigEndian.AppendUint16([]byte{fin | op, 126}, uint16(len(p))), p...)
	}
	return append([]byte{fin | op, byte(len(p))}, p...)
}

// packedFrames is p compressed, in three fragments with a ping between them.
func packedFrames(p []byte) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression) // the level is valid
	_, _ = w.Write(p)                                  // a Buffer has no errors
	_ = w.Flush()
	packed := bytes.TrimSuffix(b.Bytes(), []byte("\x00\x00\xff\xff"))
	first, second, third := serverFrame(opText, packed[:10]), serverFrame(0, packed[10:20]), serverFrame(0, packed[20:])
	first[0] = opText | rsv1
	second[0] = 0
	return slices.Concat(first, serverFrame(opPing, []byte("?")), second, third)
}

// load runs the scenario against the fake.
func (f *fake) load(t *testing.T, o options) result {
	t.Helper()
	s, err := newTarget(t.Context(), &o, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := measure(o, s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
