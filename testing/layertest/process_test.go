package layertest_test

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/testing/layertest"
)

func TestProcessAnswersWithTheLayersErrors(t *testing.T) {
	t.Parallel()
	config := startHub(t) + " " + rand.Text()
	l := layertest.StartProcess(t).Open(t, config, layertest.Options{Capacity: 1})
	var name *layer.NameError
	if err := l.GroupSend(t.Context(), "a b", layer.Message{"type": "a"}); !errors.As(err, &name) || name.Name != "a b" {
		t.Errorf("GroupSend to a name with a space: %v, want its *NameError", err)
	}
	var refused *layer.MessageError
	if err := l.Send(t.Context(), "jobs", layer.Message{"n": 1}); !errors.As(err, &refused) {
		t.Errorf("Send without a type: %v, want a *MessageError", err)
	}
	if err := l.Send(t.Context(), "jobs", layer.Message{"type": "a"}); err != nil {
		t.Error(err)
	}
	if err := l.Send(t.Context(), "jobs", layer.Message{"type": "a"}); !errors.Is(err, layer.ErrFull) {
		t.Errorf("Send to a full channel: %v, want ErrFull", err)
	}
	if err := layer.Flush(t.Context(), l); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Flush: %v, want errors.ErrUnsupported", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := l.NewChannel(t.Context()); !errors.Is(err, layer.ErrClosed) {
		t.Errorf("NewChannel after Close: %v, want ErrClosed", err)
	}
}

func TestProcessCancelsCalls(t *testing.T) {
	t.Parallel()
	config := startHub(t) + " " + rand.Text()
	l := layertest.StartProcess(t).Open(t, config, layertest.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := layer.Receive(ctx, l, "jobs")
		ended <- err
	}()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Receive: %v, want context.Canceled", err)
	}
	if err := l.Send(t.Context(), "jobs", layer.Message{"type": "a"}); err != nil {
		t.Fatal(err)
	}
	if e, err := layer.Receive(t.Context(), l, "jobs"); err != nil || e.Type() != "a" {
		t.Errorf("Receive afterwards: %v, %v; a message was lost to who was cancelled", e, err)
	}
}

func TestProcessKilled(t *testing.T) {
	t.Parallel()
	config := startHub(t) + " " + rand.Text()
	p := layertest.StartProcess(t)
	l := p.Open(t, config, layertest.Options{})
	m, err := l.NewChannel(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.Kill()
	if _, err := m.Receive(t.Context()); !errors.Is(err, layer.ErrClosed) {
		t.Errorf("Receive: %v, want ErrClosed", err)
	}
	if err := l.Send(t.Context(), "jobs", layer.Message{"type": "a"}); err == nil {
		t.Error("Send to a process that was killed is no error")
	}
	p.Kill()
}

// What a test binary prints whose TestMain does not call Serve.
func TestProcessThatDoesNotServe(t *testing.T) {
	t.Parallel()
	for _, out := range []string{"", "testing: warning: no tests to run\nPASS\n"} {
		r := judgeIn(t, func(r *recorder) { layertest.Connect(r, strings.NewReader(out)) })
		if log := strings.Join(r.log, ""); !r.failed || !strings.Contains(log, "layertest.Serve") {
			t.Errorf("failed %v, with %q", r.failed, log)
		}
	}
}
