package layertest

import (
	"context"
	"encoding/gob"
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/gochannels/channels/layer"
)

// serveVariable, in the environment, makes a test binary the second process.
const serveVariable = "LAYERTEST_SERVE"

// patience is how long a second process has for its first word and, once its input has ended, for its last.
const patience = 20 * time.Second

var errProcessEnded = errors.New("layertest: the second process has ended")

// Process is a second process of the test binary, in which layers are opened and driven from here. All methods may be
// called concurrently.
type Process struct {
	link   link
	reader sync.WaitGroup

	write    sync.Mutex // of requests
	requests *gob.Encoder

	mu      sync.Mutex
	last    int                  // the ID of the last request
	waiting map[int]func(answer) // by the request's ID; called by the reader
	boxes   map[int]*layer.Mailbox
	ended   bool
	killed  bool
}

// link is what a second process is reached by.
type link struct {
	in   io.WriteCloser
	out  io.Reader
	kill func()
	wait func() error // until it has ended
}

// StartProcess starts the test binary again, as a process that does nothing but [Serve]. When the test ends, so does
// the process; if it ends otherwise than well, and not by [Process.Kill], the test fails.
func StartProcess(t testing.TB) *Process {
	t.Helper()
	if os.Getenv(serveVariable) != "" {
		t.Fatal("a second process runs tests: TestMain has to begin with layertest.Serve")
	}
	name, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// If it does not call Serve, it runs no tests.
	cmd := exec.Command(name, "-test.run=^$") //nolint:noctx // killed below
	cmd.Env = append(os.Environ(), serveVariable+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return newProcess(t, link{in: in, out: out, kill: func() { _ = cmd.Process.Kill() }, wait: cmd.Wait})
}

// newProcess waits for the first word of what is behind the link, and ends it when the test ends.
func newProcess(t testing.TB, l link) *Process {
	t.Helper()
	p := &Process{link: l, requests: gob.NewEncoder(l.in), waiting: make(map[int]func(answer)), boxes: make(map[int]*layer.Mailbox)}
	answers := gob.NewDecoder(l.out)
	late := time.AfterFunc(patience, l.kill)
	var hello answer
	if err := answers.Decode(&hello); err != nil || hello.Name != greeting {
		l.kill()
		_ = l.wait()
		t.Fatalf("the second process does not answer (%v): TestMain has to begin with layertest.Serve", err)
	}
	late.Stop()
	p.reader.Go(func() { p.read(answers) })
	t.Cleanup(func() { p.end(t) })
	return p
}

// Open opens a layer in the second process by the function that its TestMain gave to [Serve]. Its calls are made
// there; what the channels that it opens there receive is brought here at once, so a mailbox is as good as never full,
// and its messages are delivered as far as the layer there can tell.
//
// The layer is a [layer.Listener], [layer.Flusher] and [layer.Counted]: Receive and Flush answer
// [errors.ErrUnsupported], and Stats nothing but zeros, if the one there is none of these.
func (p *Process) Open(t testing.TB, config string, o Options) layer.ChannelLayer {
	t.Helper()
	done := make(chan answer, 1)
	id := p.post(request{Verb: verbOpen, Name: config, Options: o}, func(a answer) { done <- a })
	a := <-done
	if err := a.Fault.err(); err != nil {
		t.Fatalf("opening a layer in the second process: %v", err)
	}
	return &remote{process: p, id: id}
}

// Kill ends the process at once, without a chance to close anything, and returns when it is gone. Calls under way
// fail, and mailboxes are closed.
func (p *Process) Kill() {
	p.mu.Lock()
	p.killed = true
	p.mu.Unlock()
	p.link.kill()
	p.reader.Wait()
}

func (p *Process) end(t testing.TB) {
	late := time.AfterFunc(patience, p.link.kill)
	defer late.Stop()
	_ = p.link.in.Close()
	p.reader.Wait()
	err := p.link.wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil && !p.killed {
		t.Errorf("the second process: %v", err)
	}
}

// post makes a request and returns its ID. then is called with the answer, by the reader; it must not block.
func (p *Process) post(q request, then func(answer)) int {
	p.mu.Lock()
	p.last++
	q.ID = p.last
	ended := p.ended
	if !ended {
		p.waiting[q.ID] = then
	}
	p.mu.Unlock()
	if ended {
		then(answer{Fault: newFault(errProcessEnded)})
		return q.ID
	}
	p.write.Lock()
	defer p.write.Unlock()
	_ = p.requests.Encode(q) // if it fails, the reader ends and answers
	return q.ID
}

// call makes a request and waits for its answer. The request is cancelled there when ctx is here.
func (p *Process) call(ctx context.Context, q request, then func(answer)) (answer, error) {
	if err := ctx.Err(); err != nil {
		return answer{}, err
	}
	done := make(chan answer, 1)
	id := p.post(q, func(a answer) {
		if then != nil {
			then(a)
		}
		done <- a
	})
	stop := context.AfterFunc(ctx, func() { p.post(request{Verb: verbCancel, Target: id}, func(answer) {}) })
	defer stop()
	a := <-done
	return a, a.Fault.err()
}

// read passes on what the second process says until it ends.
func (p *Process) read(answers *gob.Decoder) {
	for {
		var a answer
		if answers.Decode(&a) != nil {
			break
		}
		p.mu.Lock()
		then, box := p.waiting[a.ID], p.boxes[a.Box]
		delete(p.waiting, a.ID)
		p.mu.Unlock()
		switch {
		case then != nil:
			then(a)
		case box != nil:
			bring(box, a)
		}
	}
	p.mu.Lock()
	p.ended = true
	waiting, boxes := p.waiting, p.boxes
	p.waiting, p.boxes = nil, nil
	p.mu.Unlock()
	for _, then := range waiting {
		then(answer{Fault: newFault(errProcessEnded)})
	}
	for _, box := range boxes {
		box.Close()
	}
}

// bring delivers here what a mailbox there has received.
func bring(box *layer.Mailbox, a answer) {
	if a.Gap != nil {
		box.DeliverGap(*a.Gap)
		return
	}
	if e, err := layer.ParseMsgpack(a.Message); err == nil {
		_ = box.Deliver(e) // the mailbox may be closed
	}
}
