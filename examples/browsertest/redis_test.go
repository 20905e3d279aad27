package browsertest

import (
	"net"
	"os/exec"
	"testing"
	"time"
)

// Two processes serve one room over Redis, a browser on each.
func TestTwoProcessesServeOneRoom(t *testing.T) {
	t.Parallel()
	redis := "redis://" + startRedis(t)
	one := startServer(t, "chat", "127.0.0.1:0", "-layer", redis)
	two := startServer(t, "chat", "127.0.0.1:0", "-layer", redis)
	ada, grace := newPage(t, "ada2", desktop), newPage(t, "grace2", phone)
	ada.open("http://" + one.address + "/room/shared")
	ada.chooseNick("Ada")
	grace.open("http://" + two.address + "/room/shared")
	grace.chooseNick("Grace")
	ada.expectPeople("2 people here")
	grace.expectPeople("2 people here")

	ada.say("I am on the first process.")
	grace.expectMessages("Ada: I am on the first process.")
	grace.say("And I on the second.")
	said := []string{"Ada: I am on the first process.", "Grace: And I on the second."}
	ada.expectMessages(said...)
	grace.expectMessages(said...)
	ada.screenshot("shared")

	// Each process knows what the other's people said.
	ada.open("http://" + one.address + "/room/shared")
	ada.expectMessages(said...)
	one.drain()
	grace.expectPeople("Only you are here")
	ada.expectState("waiting")
	grace.expectQuietConsole()
}

// startRedis starts a server of the test's own and returns its address.
func startRedis(t *testing.T) string {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	free.Close()
	cmd := exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatalf("redis-server, which the test needs: %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // an error says that it was killed
	})
	for deadline := time.Now().Add(patience); ; {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			return address
		}
		if time.Now().After(deadline) {
			t.Fatal("redis-server does not listen")
		}
	}
}
