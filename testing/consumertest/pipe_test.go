package consumertest

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

func TestPipeHoldsWhateverIsWritten(t *testing.T) {
	t.Parallel()
	a, b := newPipe(&net.TCPAddr{Port: 1}, &net.TCPAddr{Port: 2})
	var want bytes.Buffer
	for i := range 5000 {
		chunk := bytes.Repeat([]byte{byte(i)}, i%97)
		want.Write(chunk)
		if n, err := a.Write(chunk); n != len(chunk) || err != nil {
			t.Fatalf("Write: %d, %v", n, err)
		}
		if i%3 == 0 { // reading in between makes it move what is left
			part := make([]byte, i%31)
			n, err := b.Read(part)
			if err != nil && len(part) > 0 {
				t.Fatal(err)
			}
			if got := want.Next(n); !bytes.Equal(got, part[:n]) {
				t.Fatalf("read %x, want %x", part[:n], got)
			}
		}
	}
	_ = a.Close()
	got, err := io.ReadAll(b)
	if err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("read %d bytes and %v, want %d", len(got), err, want.Len())
	}
	if a.LocalAddr().String() != ":1" || a.RemoteAddr() != b.LocalAddr() {
		t.Error("addresses are mixed up")
	}
}

func TestPipeClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := newPipe(&net.TCPAddr{}, &net.TCPAddr{})
		reads := make(chan error, 2)
		for _, e := range []*end{a, b} {
			go func() {
				_, err := e.Read(make([]byte, 1))
				reads <- err
			}()
		}
		synctest.Wait()
		_ = a.SetReadDeadline(time.Now().Add(time.Hour)) // its timer must not outlive the pipe
		_ = a.Close()
		first, second := <-reads, <-reads
		if !(errors.Is(first, net.ErrClosed) && errors.Is(second, io.EOF) || errors.Is(first, io.EOF) && errors.Is(second, net.ErrClosed)) {
			t.Errorf("blocked reads end with %v and %v, want io.EOF and net.ErrClosed", first, second)
		}
		if _, err := a.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("write to one's own closed end: %v", err)
		}
		if _, err := b.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("write to the peer's closed end: %v", err)
		}
		_ = a.Close()
	})
}

func TestPipeDeadlines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := newPipe(&net.TCPAddr{}, &net.TCPAddr{})
		defer b.Close()
		defer a.Close()
		begun := time.Now()
		read := func() error {
			_, err := a.Read(make([]byte, 1))
			return err
		}
		_ = a.SetReadDeadline(begun.Add(time.Second))
		_ = a.SetReadDeadline(begun.Add(time.Minute)) // the first no longer counts
		if err := read(); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begun) != time.Minute {
			t.Errorf("read ended with %v after %v", err, time.Since(begun))
		}
		if err := read(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the deadline passes once: %v", err)
		}
		_ = a.SetReadDeadline(time.Time{})
		_, _ = b.Write([]byte("x"))
		if err := read(); err != nil {
			t.Errorf("after the deadline was taken away: %v", err)
		}

		go func() { // net/http ends its background read so
			time.Sleep(time.Second) // in the bubble
			_ = a.SetReadDeadline(time.Unix(1, 0))
		}()
		if err := read(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a past deadline does not wake a read: %v", err)
		}

		_ = a.SetDeadline(time.Now().Add(time.Second))
		if _, err := a.Write([]byte("x")); err != nil {
			t.Errorf("write before the deadline: %v", err)
		}
		time.Sleep(time.Second) // in the bubble
		_, err := a.Write([]byte("x"))
		timeout := net.Error(nil)
		if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("write after the deadline: %v", err)
		}
	})
}

func TestListenerAcceptsOnce(t *testing.T) {
	t.Parallel()
	_, conn := newPipe(&net.TCPAddr{}, &net.TCPAddr{Port: 80})
	l := newListener(conn.LocalAddr(), conn)
	if got, err := l.Accept(); got != net.Conn(conn) || err != nil || l.Addr().String() != ":80" {
		t.Errorf("Accept: %v, %v at %v", got, err, l.Addr())
	}
	go func() { _ = l.Close() }()
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after Close: %v", err)
	}
	_ = l.Close()
}
