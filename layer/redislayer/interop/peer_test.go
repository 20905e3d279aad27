package interop_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/gochannels/channels/layer"
)

// peer is a Python process with channel layers: see python/peer.py.
type peer struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	log  lockedBuffer
	read chan struct{} // closed when its output has ended

	mu      sync.Mutex
	last    int
	waiting map[int]chan answer
}

type answer struct {
	ID     int             `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  string          `json:"error"`
	Text   string          `json:"text"`
	Trace  string          `json:"trace"`
}

// peerError is what the Python side raised.
type peerError struct{ Type, Text, Trace string }

func (e *peerError) Error() string { return e.Type + ": " + e.Text + "\n" + e.Trace }

var errPeerGone = errors.New("the Python process has ended")

type args = map[string]any

func startPeer(t testing.TB, version string, env ...string) *peer {
	t.Helper()
	p := &peer{read: make(chan struct{}), waiting: map[int]chan answer{}}
	p.cmd = command(env, python(t, version), "peer.py")
	p.cmd.Stderr = &p.log
	in, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.in = in
	go p.listen(out)
	return p
}

// newPeer starts a process of the test's own.
func newPeer(t testing.TB, version string, env ...string) *peer {
	t.Helper()
	p := startPeer(t, version, env...)
	t.Cleanup(p.stop)
	return p
}

var shared struct {
	mu    sync.Mutex
	peers map[string]*peer
}

// sharedPeer returns the process of that version that all tests use.
func sharedPeer(t testing.TB, version string) *peer {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.peers == nil {
		shared.peers = map[string]*peer{}
	}
	if shared.peers[version] == nil {
		shared.peers[version] = startPeer(t, version)
	}
	return shared.peers[version]
}

func stopShared() {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	for _, p := range shared.peers {
		p.stop()
	}
}

// stop ends the process as kill -9 does; a second call does nothing.
func (p *peer) stop() {
	_ = p.in.Close()
	if p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Kill()
		<-p.read
		_ = p.cmd.Wait()
	}
}

func (p *peer) listen(out io.Reader) {
	defer close(p.read)
	lines := bufio.NewReaderSize(out, 1<<16)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break
		}
		var a answer
		if err := json.Unmarshal(line, &a); err != nil {
			_, _ = fmt.Fprintf(&p.log, "not an answer: %q\n", line)
			continue
		}
		p.mu.Lock()
		waiting := p.waiting[a.ID]
		delete(p.waiting, a.ID)
		p.mu.Unlock()
		if waiting != nil {
			waiting <- a
		}
	}
}

// do asks the process for one thing and waits for the answer. It may be called by several goroutines.
func (p *peer) do(ctx context.Context, op string, with args) (any, error) {
	request := args{"op": op}
	for k, v := range with {
		request[k] = pack(v)
	}
	reply := make(chan answer, 1)
	p.mu.Lock()
	p.last++
	id := p.last
	p.waiting[id] = reply
	request["id"] = id
	line, err := layer.AppendJSON(nil, request)
	if err == nil {
		_, err = p.in.Write(append(line, '\n'))
	}
	p.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("peer %s: %w", op, err)
	}
	select {
	case a := <-reply:
		if a.Error != "" {
			return nil, &peerError{a.Error, a.Text, a.Trace}
		}
		return unpack(a.Result)
	case <-p.read:
		return nil, fmt.Errorf("peer %s: %w\n%s", op, errPeerGone, p.log.String())
	case <-ctx.Done():
		return nil, fmt.Errorf("peer %s: %w\n%s", op, context.Cause(ctx), p.log.String())
	}
}

// patience bounds everything that a test waits for.
const patience = 20 * time.Second

// must is do that fails the test.
func (p *peer) must(t testing.TB, op string, with args) any {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	v, err := p.do(ctx, op, with)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
