package main

import (
	"context"
	"os"
	"testing"
	"time"
)

// TestMain is also the processes that the scenarios start.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "serve" || os.Args[1] == "clients") {
		main()
	}
	os.Exit(m.Run())
}

// Every scenario, with tens of sockets instead of thousands, but the real Redis and Python.
func TestScenarios(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"pubsub", "core"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			s := defaults()
			s.layer, s.processes, s.sockets, s.senders, s.bursts, s.pause = kind, 2, 20, 2, 2, 100*time.Millisecond
			s.burst, s.toAll = 60, 10
			s.rate, s.churn, s.clean = 1000, time.Second, time.Second
			s.stopped, s.outage, s.patience = time.Second, 200*time.Millisecond, 500*time.Millisecond
			s.ratio = 1 // the race detector distorts it
			if err := runAll(ctx, s); err != nil {
				t.Error(err)
			}
		})
	}
}
