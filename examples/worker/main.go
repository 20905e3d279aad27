// Worker does work in the background: who wants something done sends a message to
// the named channel "jobs" and goes on; workers take one each from there, and send
// what they found to the channel of who asked.
//
//	go run ./examples/worker
//	curl -d 'to be or not to be' http://127.0.0.1:8001/count
//
// A websocket at ws://127.0.0.1:8001/ws takes {"type": "count.words", "text": "..."}
// and answers with {"type": "words.counted", ...} when the count is there.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8001", "address to listen on")
	slots := flag.Int("slots", 4, "jobs done at a time")
	flag.Parse()
	if err := run(*addr, *slots); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
}

func run(addr string, slots int) error {
	l := new(layer.Memory)
	worker, err := NewWorker(l, slots)
	if err != nil {
		return err
	}
	clients := NewClients(l)
	mux := http.NewServeMux()
	mux.Handle("GET /ws", clients)
	mux.Handle("POST /count", CountHandler(l))
	server := &http.Server{Addr: addr, Handler: mux, ReadHeaderTimeout: 5 * time.Second}

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	working, stopWorking := context.WithCancel(context.Background())
	worked := make(chan error, 1)
	go func() { worked <- worker.Run(working) }()
	served := make(chan error, 1)
	go func() { served <- server.ListenAndServe() }()
	fmt.Printf("worker: curl -d 'to be or not to be' http://%s/count\n", addr)

	select {
	case <-ctx.Done():
	case err = <-served:
	}
	ending, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	// Those who ask end first, then those who answer.
	err = errors.Join(err, consumer.Shutdown(ending, clients), server.Shutdown(ending))
	stopWorking()
	if e := <-worked; !errors.Is(e, context.Canceled) {
		err = errors.Join(err, e)
	}
	return errors.Join(err, l.Close())
}
