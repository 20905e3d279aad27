// Package site is what all servers of the benchmark share: flags, endpoints and
// the message that is broadcast. A server adds what its library is for: it
// accepts connections, and sends a message to all connections of a group.
//
//	GET  /ws?group=A&group=B          a WebSocket in these groups, by default in one that all are in
//	POST /broadcast?n=N&size=S        N messages of S bytes to the group that all are in
//	     &groups=G&first=F            message i to the group "g" + (F+i) mod G instead
//	GET  /stats?gc=1                  what the runtime counts; gc=1 returns unused memory first
//	GET  /debug/pprof/                with -pprof
package site

import (
	"cmp"
	"encoding/json"
	"flag"
	"log"
	"net/http"
	"net/http/pprof"
	"net/url"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync/atomic"
)

// The flags of every server.
var (
	addr    = flag.String("addr", "127.0.0.1:9100", "address to listen on")
	secure  = flag.Bool("tls", false, "serve TLS, with a certificate made at the start")
	profile = flag.Bool("pprof", false, "serve /debug/pprof/")

	Deflate = flag.Bool("deflate", false, "agree to permessage-deflate, without context takeover where that can be chosen")
	Binary  = flag.Bool("binary", false, "broadcast binary frames instead of text")
	Queue   = flag.Int("queue", 256, "messages that may wait for a connection, where the server keeps the queue itself")
)

// Dropped counts the messages that a server threw away as a queue was full.
var Dropped atomic.Int64

// Server is what a library makes of the site.
type Server interface {
	http.Handler // of /ws
	// Broadcast sends m to all connections of group. It is called by one
	// goroutine at a time for each POST.
	Broadcast(group string, m Message)
}

// Batcher is a server that gains from knowing all messages that are due at once.
type Batcher interface {
	BroadcastAll(group string, ms []Message)
}

// Everyone is the group that a connection is in if it names none.
const Everyone = "everyone"

// Groups returns the groups that a handshake asks for.
func Groups(r *http.Request) []string {
	if r.URL.RawQuery == "" {
		return []string{Everyone}
	}
	if names := r.URL.Query()["group"]; len(names) > 0 {
		return names
	}
	return []string{Everyone}
}

// Mux returns the endpoints around s.
func Mux(s Server) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("/ws", s)
	mux.HandleFunc("POST /broadcast", func(w http.ResponseWriter, r *http.Request) { broadcast(s, r.URL.Query()) })
	mux.HandleFunc("GET /stats", stats)
	if *profile {
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	}
	return mux
}

// Main serves s until the process is killed. The flags must be parsed.
func Main(s Server) {
	server := &http.Server{Addr: *addr, Handler: Mux(s)}
	if !*secure {
		log.Fatal(server.ListenAndServe())
	}
	config, err := selfSigned()
	if err != nil {
		log.Fatal(err)
	}
	server.TLSConfig = config
	log.Fatal(server.ListenAndServeTLS("", ""))
}

func broadcast(s Server, q url.Values) {
	n, size, groups, first := number(q, "n", 1), number(q, "size", 128), number(q, "groups", 0), number(q, "first", 0)
	if b, ok := s.(Batcher); ok && groups == 0 {
		ms := make([]Message, n)
		for i := range ms {
			ms[i] = NewMessage(size)
		}
		b.BroadcastAll(Everyone, ms)
		return
	}
	group := Everyone
	for i := range n {
		if groups > 0 {
			group = "g" + strconv.Itoa((first+i)%groups)
		}
		s.Broadcast(group, NewMessage(size))
	}
}

func stats(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("gc") != "" {
		debug.FreeOSMemory()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	// What can't be written no longer has a reader.
	_ = json.NewEncoder(w).Encode(map[string]uint64{
		"goroutines": uint64(runtime.NumGoroutine()),
		"heap":       m.HeapInuse,
		"stack":      m.StackInuse,
		"mallocs":    m.Mallocs,
		"dropped":    uint64(Dropped.Load()),
	})
}

func number(q url.Values, name string, def int) int {
	n, _ := strconv.Atoi(cmp.Or(q.Get(name), strconv.Itoa(def)))
	return n
}
