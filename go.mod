module github.com/gochannels/channels

go 1.26.0

require (
	github.com/google/go-cmp v0.7.0
	nhooyr.io/websocket v1.8.17
)
