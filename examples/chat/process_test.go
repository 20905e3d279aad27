package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"
)

// held is how many clients are connected when the program is told to end.
const held = 2000

// The built program, in a process of its own, is told to end while it has two
// thousand clients: each gets its close frame, every Disconnect runs, and the
// program ends well. No t.Parallel: the time it takes is what is tested.
func TestTermEndsEveryConnectionInGoodOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	const drain = 10 * time.Second
	program := exec.Command(path, "-addr", "127.0.0.1:0", "-drain", drain.String())
	output, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	program.Stderr = t.Output()
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Process.Kill() }) // an error: it has ended
	lines := bufio.NewReader(output)
	address := firstMatch(t, lines, `http://([^/]+)/`)

	var clients sync.WaitGroup
	errs := make(chan error, held)
	welcomed := make(chan struct{}, held)
	closed := make(chan time.Time, held)
	for i := range held {
		clients.Go(func() {
			if err := hold(address, fmt.Sprintf("/room/room%d/ws", i%100), welcomed); err != nil {
				errs <- fmt.Errorf("client %d: %w", i, err)
				return
			}
			closed <- time.Now()
		})
	}
	for range held {
		select {
		case <-welcomed:
		case err := <-errs:
			t.Fatal(err)
		case <-time.After(time.Minute):
			t.Fatal("not every client was welcomed")
		}
	}

	start := time.Now()
	if err := program.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	clients.Wait()
	close(errs)
	for err := range errs {
		t.Error(err)
	}
	close(closed)
	var last time.Duration
	for at := range closed {
		last = max(last, at.Sub(start))
	}
	summary := firstMatch(t, lines, `chat: (\d.*)`)
	if want := fmt.Sprintf("%d connections, %d disconnected, 0 open, 0 stuck", held, held); summary != want {
		t.Errorf("the program says %q, want %q", summary, want)
	}
	if err := program.Wait(); err != nil {
		t.Errorf("the program ended with %v, want exit code 0", err)
	}
	if last > drain {
		t.Errorf("the last client was closed after %v, want within %v", last, drain)
	}
	t.Logf("%d clients closed within %v, the program ended after %v", held, last.Round(time.Millisecond), time.Since(start).Round(time.Millisecond))
}

// firstMatch reads lines until one matches, and returns what the pattern's group did.
func firstMatch(t *testing.T, lines *bufio.Reader, pattern string) string {
	t.Helper()
	wanted := regexp.MustCompile(pattern)
	for {
		line, err := lines.ReadString('\n')
		if found := wanted.FindStringSubmatch(line); found != nil {
			return found[1]
		}
		if err != nil {
			t.Fatalf("the program's output has no match for %s: %v", pattern, err)
		}
	}
}

// hold is a client that speaks the protocol by itself: it connects, tells of its
// welcome, and reads until it is closed, which has to be with 1012.
func hold(address, path string, welcomed chan<- struct{}) error {
	conn, err := net.DialTimeout("tcp", address, time.Minute)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", path, address)
	if err != nil {
		return err
	}
	reader := bufio.NewReaderSize(conn, 512)
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("handshake: %s", response.Status)
	}
	greeted := false
	for {
		opcode, payload, err := readFrame(reader)
		if err != nil {
			return fmt.Errorf("before a close frame: %w", err)
		}
		if opcode == 8 {
			if len(payload) < 2 || binary.BigEndian.Uint16(payload) != 1012 {
				return fmt.Errorf("close frame %x, want code 1012", payload)
			}
			break
		}
		if !greeted && bytes.Contains(payload, []byte("chat.welcome")) {
			greeted = true
			welcomed <- struct{}{}
		}
	}
	// The answer: the same code, masked with zeros.
	if _, err := conn.Write([]byte{0x88, 0x82, 0, 0, 0, 0, 1012 >> 8, 1012 & 0xff}); err != nil {
		return err
	}
	if _, err := reader.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("after the close frames: %v, want the end", err)
	}
	return nil
}

// readFrame reads an unmasked frame of less than 64 KiB.
func readFrame(r *bufio.Reader) (opcode byte, payload []byte, err error) {
	var head, long [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	size := int(head[1])
	if size == 126 {
		if _, err := io.ReadFull(r, long[:]); err != nil {
			return 0, nil, err
		}
		size = int(binary.BigEndian.Uint16(long[:]))
	} else if size > 126 {
		return 0, nil, errors.New("a masked frame, or one of 64 KiB or more")
	}
	payload = make([]byte, size)
	_, err = io.ReadFull(r, payload)
	return head[0] & 0x0f, payload, err
}
