// Quickstart is the smallest whole program: one consumer, one group, one route.
//
//	go run ./examples/quickstart
package main

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"os/signal"
	"syscall"
	"time"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
)

func main() {
	l := new(layer.Memory)
	taxi := consumer.MustHandler(NewTaxi, &consumer.Options{Layer: l})
	mux := http.NewServeMux()
	mux.Handle("/taxi/", taxi)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	listener, err := net.Listen("tcp", "127.0.0.1:8000")
	if err != nil {
		log.Fatal(err)
	}

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ended := make(chan error, 1)
	go func() {
		<-ctx.Done()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		ended <- errors.Join(consumer.Shutdown(ctx, taxi), server.Shutdown(ctx), l.Close())
	}()
	log.Println("quickstart: ws://127.0.0.1:8000/taxi/")
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
	if err := <-ended; err != nil {
		log.Fatal(err)
	}
}
