module github.com/gochannels/channels/layer/redislayer

go 1.26.0

require (
	github.com/gochannels/channels v0.0.0
	github.com/google/go-cmp v0.7.0
	github.com/redis/rueidis v1.0.79
	nhooyr.io/websocket v1.8.17
)

require golang.org/x/sys v0.47.0 // indirect

replace github.com/gochannels/channels => ../..
