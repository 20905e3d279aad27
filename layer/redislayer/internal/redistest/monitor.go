package redistest

import (
	"bufio"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Monitored is a command that a server carried out.
type Monitored struct {
	Lua     bool // a script did
	Command []string
}

// Monitor keeps the commands that a server carries out, those of scripts included, behind the script's own.
type Monitor struct {
	t    testing.TB
	conn net.Conn
	work sync.WaitGroup

	mu       sync.Mutex
	commands []Monitored
	fault    error
}

// NewMonitor monitors the server at that address until the test ends.
func NewMonitor(t testing.TB, addr string) *Monitor {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	m := &Monitor{t: t, conn: c}
	in := bufio.NewReader(c)
	if _, err := c.Write([]byte("MONITOR\r\n")); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(patience))
	if answer, err := in.ReadString('\n'); err != nil || answer != "+OK\r\n" {
		t.Fatalf("redistest: MONITOR: %q, %v", answer, err)
	}
	_ = c.SetReadDeadline(time.Time{})
	m.work.Go(func() { m.read(in) })
	t.Cleanup(func() {
		_ = c.Close()
		m.work.Wait()
	})
	return m
}

// Take returns the commands so far. Those that others had answered before it was called are among them.
func (m *Monitor) Take() []Monitored {
	m.t.Helper()
	mark := "mark" + strconv.FormatInt(time.Now().UnixNano(), 36)
	if err := echo(m.conn.RemoteAddr().String(), mark); err != nil {
		m.t.Fatal(err)
	}
	var taken []Monitored
	poll(m.t, func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		if n := len(m.commands); n > 0 && len(m.commands[n-1].Command) == 2 && m.commands[n-1].Command[1] == mark {
			taken, m.commands = m.commands[:n-1], nil
		}
		return taken != nil || m.fault != nil
	})
	if m.fault != nil {
		m.t.Fatal(m.fault)
	}
	return taken
}

func echo(addr, text string) error {
	c, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Write([]byte("PING " + text + "\r\n")); err != nil {
		return err
	}
	_ = c.SetReadDeadline(time.Now().Add(patience))
	_, err = bufio.NewReader(c).ReadString('\n')
	return err
}

var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

func (m *Monitor) read(in *bufio.Reader) {
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			m.mu.Lock()
			m.fault = err
			m.mu.Unlock()
			return
		}
		head, rest, _ := strings.Cut(line, "] ")
		x := Monitored{Lua: strings.HasSuffix(head, " lua")}
		for _, word := range quoted.FindAllString(rest, -1) {
			text, err := strconv.Unquote(word)
			m.mu.Lock()
			if err != nil && m.fault == nil {
				m.fault = err
			}
			m.mu.Unlock()
			x.Command = append(x.Command, text)
		}
		m.mu.Lock()
		m.commands = append(m.commands, x)
		m.mu.Unlock()
	}
}
