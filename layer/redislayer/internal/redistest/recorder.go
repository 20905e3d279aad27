package redistest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Recorder passes TCP connections on to a server, and keeps the commands that are sent. All methods may be called
// concurrently.
type Recorder struct {
	target   string
	listener net.Listener
	work     sync.WaitGroup

	mu       sync.Mutex
	commands [][]string
	conns    []net.Conn
	closed   bool
}

// NewRecorder returns a recorder before the server at the address target. It is closed when the test ends.
func NewRecorder(t testing.TB, target string) *Recorder {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &Recorder{target: target, listener: l}
	r.work.Go(r.serve)
	t.Cleanup(r.close)
	return r
}

// URL returns the address as Channels takes it.
func (r *Recorder) URL() string { return "redis://" + r.listener.Addr().String() }

// Take returns the commands since the last Take, in the order they came in by all connections.
func (r *Recorder) Take() [][]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.commands
	r.commands = nil
	return taken
}

// Peek returns what Take would.
func (r *Recorder) Peek() [][]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.commands)
}

func (r *Recorder) serve() {
	for {
		c, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.work.Go(func() { r.pass(c) })
	}
}

func (r *Recorder) pass(client net.Conn) {
	server, err := net.Dial("tcp", r.target)
	if err != nil {
		_ = client.Close()
		return
	}
	if !r.keep(client, server) {
		return
	}
	r.work.Go(func() {
		_, _ = io.Copy(client, server)
		_, _ = client.Close(), server.Close()
	})
	in := bufio.NewReader(io.TeeReader(client, server))
	for {
		command, err := readCommand(in)
		if err != nil {
			break
		}
		r.mu.Lock()
		r.commands = append(r.commands, command)
		r.mu.Unlock()
	}
	_, _ = client.Close(), server.Close()
}

// readCommand reads an array of bulk strings, which is what clients send.
func readCommand(in *bufio.Reader) ([]string, error) {
	n, err := readLength(in, '*')
	if err != nil {
		return nil, err
	}
	command := make([]string, n)
	for i := range command {
		size, err := readLength(in, '$')
		if err != nil {
			return nil, err
		}
		b := make([]byte, size+2)
		if _, err := io.ReadFull(in, b); err != nil {
			return nil, err
		}
		command[i] = string(b[:size])
	}
	return command, nil
}

func readLength(in *bufio.Reader, kind byte) (int, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return 0, err
	}
	if line[0] != kind {
		return 0, fmt.Errorf("redistest: %q where a %q should be", line, kind)
	}
	return strconv.Atoi(strings.TrimSpace(line[1:]))
}

func (r *Recorder) keep(conns ...net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns = append(r.conns, conns...)
	if r.closed {
		for _, c := range conns {
			_ = c.Close()
		}
	}
	return !r.closed
}

func (r *Recorder) close() {
	_ = r.listener.Close()
	r.mu.Lock()
	r.closed = true
	for _, c := range r.conns {
		_ = c.Close()
	}
	r.mu.Unlock()
	r.work.Wait()
}
