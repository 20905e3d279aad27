// Server floor is the floor of system calls: no library, no goroutine a
// connection, no check of anything. A frame is made once and written with write(2)
// in a loop over all sockets. With -coalesce a batch of messages is one write a
// socket. It understands what the load sends, and no more.
package main

import (
	"crypto/sha1"
	"encoding/base64"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/gochannels/channels/bench/internal/site"
)

type server struct {
	mu     sync.RWMutex
	groups map[string]map[int]struct{} // descriptors
	epoll  int
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(sum[:]))
	fd, err := descriptor(conn)
	if err != nil {
		return
	}
	s.mu.Lock()
	for _, name := range site.Groups(r) {
		if s.groups[name] == nil {
			s.groups[name] = map[int]struct{}{}
		}
		s.groups[name][fd] = struct{}{}
	}
	s.mu.Unlock()
	_ = unix.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

// descriptor returns one that outlives the net.Conn, so that nothing of net/http
// is kept.
func descriptor(conn net.Conn) (int, error) {
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return 0, err
	}
	fd, dupErr := 0, error(nil)
	if err := raw.Control(func(p uintptr) { fd, dupErr = unix.Dup(int(p)) }); err != nil {
		return 0, err
	}
	return fd, dupErr
}

func (s *server) remove(fd int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, fds := range s.groups {
		delete(fds, fd)
	}
	// The net.Conn may not be closed yet, and would keep the number registered.
	_ = unix.EpollCtl(s.epoll, unix.EPOLL_CTL_DEL, fd, nil)
	_ = unix.Close(fd)
}

func (s *server) Broadcast(group string, m site.Message) { s.send(group, appendFrame(nil, m.JSON())) }

func (s *server) send(group string, b []byte) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for fd := range s.groups[group] {
		writeAll(fd, b)
	}
}

type coalescing struct{ *server }

// BroadcastAll makes one write of many messages.
func (s coalescing) BroadcastAll(group string, ms []site.Message) {
	const most = 64 << 10
	var b []byte
	for _, m := range ms {
		p := m.JSON()
		if len(b)+len(p) > most {
			s.send(group, b)
			b = b[:0]
		}
		b = appendFrame(b, p)
	}
	s.send(group, b)
}

func main() {
	coalesce := flag.Bool("coalesce", false, "write a batch of messages with one write a socket")
	flag.Parse()
	epoll, err := unix.EpollCreate1(0)
	if err != nil {
		log.Fatal(err)
	}
	s := &server{groups: map[string]map[int]struct{}{}, epoll: epoll}
	go s.readAll()
	if *coalesce {
		site.Main(coalescing{s})
	}
	site.Main(s)
}
