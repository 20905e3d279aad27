package redislayer_test

import (
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer/internal/redistest"
)

func TestTmpBurst(t *testing.T) {
	s := redistest.Start(t)
	o := coreOptions(s)
	o.Logger = nil
	l := coreReady(t, o)
	var got atomic.Int64
	n, _ := strconv.Atoi(os.Getenv("N"))
	begun := time.Now()
	var wg sync.WaitGroup
	var gaps []*layer.Mailbox
	for i := range n {
		box, _ := l.NewChannel(t.Context())
		if i < 10 {
			gaps = append(gaps, box)
		}
		box.Divert(func(layer.Envelope) bool { got.Add(1); return true })
		wg.Go(func() { _ = l.GroupAdd(t.Context(), "all", box.Channel()) })
	}
	wg.Wait()
	t.Log("joined", time.Since(begun))
	var ps sync.WaitGroup
	for range 4 {
		ps.Go(func() {
			out, err := exec.Command("/tmp/c/v4.3.0/bin/python", "/tmp/burst.py", s.Port(), o.Prefix, "300", os.Getenv("MODE"), "5").CombinedOutput()
			t.Logf("%s %v", out, err)
		})
	}
	ps.Wait()
	time.Sleep(time.Second)
	t.Logf("got %d of %d; gaps %d, dropped %v", got.Load(), 4*300*5*n, l.Stats().Gaps, l.Stats().Dropped)
	t.Log(s.CLI("INFO", "cpu"))
	_ = gaps
}
