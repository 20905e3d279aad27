package redislayer_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/redislayer"
	"github.com/gochannels/channels/testing/layertest"
)

// TestMain fails if goroutines are left when all tests have ended.
func TestMain(m *testing.M) {
	layertest.Serve(openLayer)
	before := len(goroutines())
	code := m.Run()
	if code == 0 && leaked(before) {
		code = 1
	}
	os.Exit(code)
}

// opening is what openLayer opens a layer by, as JSON.
type opening struct {
	PubSub  bool // or else Core
	Options redislayer.Options
}

func (o opening) config(t testing.TB) string {
	t.Helper()
	o.Options.Logger = nil
	j, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return string(j)
}

// openLayer opens a layer, in this process or a second one, and waits until it is connected, so that no case about time
// waits for connections.
func openLayer(config string, lo layertest.Options) (layer.ChannelLayer, error) {
	var o opening
	if err := json.Unmarshal([]byte(config), &o); err != nil {
		return nil, err
	}
	o.Options.Logger = slog.New(slog.DiscardHandler)
	o.Options.CallTimeout = soon // the machine may be busy
	o.Options.Capacity, o.Options.ChannelCapacity, o.Options.Expiry = lo.Capacity, lo.ChannelCapacity, lo.Expiry
	var l interface {
		layer.ChannelLayer
		layer.Readier
	}
	var err error
	if o.PubSub {
		l, err = redislayer.NewPubSub(&o.Options)
	} else {
		l, err = redislayer.NewCore(&o.Options)
	}
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(soon); !l.Ready(); <-tick.C {
		if time.Now().After(deadline) {
			_ = l.Close()
			return nil, fmt.Errorf("not connected within %v", soon)
		}
	}
	return l, nil
}

func leaked(before int) bool {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(5 * time.Second); ; <-tick.C {
		left := goroutines()
		if len(left) <= before {
			return false
		}
		if time.Now().After(deadline) {
			fmt.Fprintf(os.Stderr, "%d goroutines before the tests, %d after:\n%s\n", before, len(left), bytes.Join(left, []byte("\n\n")))
			return true
		}
	}
}

// goroutines returns the stacks of all but the one that the fuzzer leaves, for signals.
func goroutines() [][]byte {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	var all [][]byte
	for stack := range bytes.SplitSeq(stacks, []byte("\n\n")) {
		if !bytes.Contains(stack, []byte("os/signal.")) {
			all = append(all, stack)
		}
	}
	return all
}
