package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
)

// tally is what a process with clients has counted. Messages to all have the ids from 0, others those from ownIDs.
type tally struct {
	All, Own, Twice, Gaps, Gapped, Closed int64
}

const ownIDs = 1_000_000

// clients is a process with clients. For each line that it reads it prints its tally; it ends with its input.
func clients(args []string) error {
	f := flag.NewFlagSet("clients", flag.ExitOnError)
	addr, n, first := f.String("addr", "", ""), f.Int("n", 1, ""), f.Int("first", 0, "of the groups of one")
	_ = f.Parse(args)
	var t counters
	slots := make(chan struct{}, 64) // handshakes at once
	var dialled sync.WaitGroup
	failed := make(chan error, *n)
	for i := range *n {
		slots <- struct{}{}
		dialled.Go(func() {
			defer func() { <-slots }()
			c, err := dial(*addr, *first+i)
			if err != nil {
				failed <- err
				return
			}
			go c.read(&t)
		})
	}
	dialled.Wait()
	if len(failed) > 0 {
		return fmt.Errorf("%d of %d handshakes failed, the first: %w", len(failed), *n, <-failed)
	}
	out := json.NewEncoder(os.Stdout)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		if err := out.Encode(t.tally()); err != nil {
			return err
		}
	}
	return nil
}

type counters struct {
	all, own, twice, gaps, gapped, closed atomic.Int64
}

func (t *counters) tally() tally {
	return tally{t.all.Load(), t.own.Load(), t.twice.Load(), t.gaps.Load(), t.gapped.Load(), t.closed.Load()}
}

// client reads frames of a server, which are not masked, and little else.
type client struct {
	r    *bufio.Reader
	conn net.Conn
	all  set
	own  set
}

// set is of small numbers.
type set []uint64

// add reports whether n is new.
func (s *set) add(n int) bool {
	word, bit := n/64, uint64(1)<<(n%64)
	if word >= len(*s) {
		*s = append(*s, make(set, word+1-len(*s))...)
	}
	if (*s)[word]&bit != 0 {
		return false
	}
	(*s)[word] |= bit
	return true
}

func dial(addr string, own int) (*client, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	r := bufio.NewReaderSize(conn, 1024)
	_, err = fmt.Fprintf(conn, "GET /ws?own=%d HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", own, addr)
	if err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("the handshake is answered %s", resp.Status)
	}
	return &client{r: r, conn: conn}, nil
}

func (c *client) read(t *counters) {
	defer t.closed.Add(1)
	defer c.conn.Close()
	gaps := 0
	for {
		op, p, err := c.frame()
		switch {
		case err != nil || op == 0x8:
			return
		case op == 0x9: // of keep-alive; a mask of zeros
			_, _ = c.conn.Write(append([]byte{0x8a, 0x80 | byte(len(p)), 0, 0, 0, 0}, p...))
			continue
		}
		id, ok := idOf(p)
		if !ok {
			if gaps++; gaps == 1 {
				t.gapped.Add(1)
			}
			t.gaps.Add(1)
			continue
		}
		count, seen := &t.all, &c.all
		if id >= ownIDs {
			count, seen, id = &t.own, &c.own, id-ownIDs
		}
		if !seen.add(id) {
			count = &t.twice
		}
		count.Add(1)
	}
}

// frame returns the next frame. Its payload is valid until the one after it.
func (c *client) frame() (op byte, payload []byte, err error) {
	h, err := c.r.Peek(2)
	if err != nil {
		return 0, nil, err
	}
	op, size, n := h[0]&0xf, 2, int(h[1]&0x7f)
	if n == 126 {
		if h, err = c.r.Peek(4); err != nil {
			return 0, nil, err
		}
		size, n = 4, int(binary.BigEndian.Uint16(h[2:]))
	}
	if n > c.r.Size()-size {
		return 0, nil, fmt.Errorf("a frame of %d bytes", n)
	}
	b, err := c.r.Peek(size + n)
	if err != nil {
		return 0, nil, err
	}
	_, err = c.r.Discard(size + n) // which leaves b as it is
	return op, b[size:], err
}

// idOf returns the number under "id".
func idOf(p []byte) (id int, ok bool) {
	i := bytes.Index(p, []byte(`"id":`))
	if i < 0 {
		return 0, false
	}
	for _, c := range bytes.TrimLeft(p[i+5:], " ") {
		if c < '0' || c > '9' {
			break
		}
		id, ok = id*10+int(c-'0'), true
	}
	return id, ok
}
