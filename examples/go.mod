module github.com/gochannels/channels/examples

go 1.26.0

require (
	github.com/go-chi/chi/v5 v5.5.0
	github.com/gochannels/channels v0.0.0
	github.com/google/go-cmp v0.7.0
)

require (
	github.com/redis/rueidis v1.0.79 // indirect
	golang.org/x/sys v0.47.0 // indirect
)

require (
	github.com/gochannels/channels/layer/redislayer v0.0.0
	nhooyr.io/websocket v1.8.17 // indirect
)

replace github.com/gochannels/channels => ..

replace github.com/gochannels/channels/layer/redislayer => ../layer/redislayer
