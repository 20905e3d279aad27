package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gochannels/channels/consumer"
)

func get(s http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

func TestPages(t *testing.T) {
	t.Parallel()
	s := newTestSite()
	for _, c := range []struct {
		path   string
		status int
		has    string
	}{
		{"/", http.StatusOK, "Which room?"},
		{"/?room=no/such", http.StatusOK, "up to 40 letters"},
		{"/?room=%3Cb%3E", http.StatusOK, "&lt;b&gt;"},
		{"/room/lobby", http.StatusOK, `data-room="lobby"`},
		{"/room/no.such", http.StatusNotFound, "up to 40 letters"},
		{"/room/lobby/ws", http.StatusUpgradeRequired, ""},
		{"/static/chat.js", http.StatusOK, "chat.message"},
		{"/static/chat.css", http.StatusOK, ".message"},
		{"/static/icon.svg", http.StatusOK, "<svg"},
		{"/static/", http.StatusNotFound, ""}, // no list of the files
		{"/index.html", http.StatusNotFound, ""},
		{"/healthz", http.StatusOK, "ok"},
	} {
		w := get(s, c.path)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.has) {
			t.Errorf("%s: %d, want %d with %q in:\n%.300s", c.path, w.Code, c.status, c.has, w.Body)
		}
		if w.Header().Get("Content-Security-Policy") == "" {
			t.Errorf("%s: no Content-Security-Policy", c.path)
		}
	}
}

func TestIndexLeadsToTheRoom(t *testing.T) {
	t.Parallel()
	w := get(newTestSite(), "/?room="+url.QueryEscape(" Küche "))
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/room/K%C3%BCche" {
		t.Errorf("got %d to %q, want 303 to /room/K%%C3%%BCche", w.Code, w.Header().Get("Location"))
	}
}

func TestIndexListsRoomsWithPeople(t *testing.T) {
	t.Parallel()
	s := newTestSite()
	s.enter(t, "K%C3%BCche", "")
	body := get(s, "/").Body.String()
	for _, want := range []string{"Open now", `href="/room/K%c3%bcche"`, ">Küche<", "<b>1</b>"} {
		if !strings.Contains(body, want) {
			t.Errorf("the index page has no %s:\n%s", want, body)
		}
	}
}

func TestDrainingIsNotHealthy(t *testing.T) {
	t.Parallel()
	rooms := NewRooms()
	chat := NewChat(nil, rooms)
	if err := consumer.Shutdown(t.Context(), chat); err != nil {
		t.Fatal(err)
	}
	if w := get(NewSite(chat, rooms), "/healthz"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("got %d, want 503", w.Code)
	}
}

func TestTakenAddressIsNamed(t *testing.T) {
	t.Parallel()
	other, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	address := other.Addr().String()
	err = run(ctx, address, "", time.Second, t.Output())
	if err == nil || !strings.Contains(err.Error(), address+" is taken") {
		t.Errorf("error %v, want that %s is taken", err, address)
	}
}

func TestRoomsForgetTheOneUsedLongestAgo(t *testing.T) {
	t.Parallel()
	rooms := NewRooms()
	said := Said{ID: "1", Text: "Hello"}
	rooms.Enter("full")
	rooms.Keep("first", said)
	rooms.Keep("second", said)
	rooms.Keep("first", Said{ID: "2"})
	for i := range roomsSize - 2 {
		rooms.Keep("room"+string(rune('a'+i)), said)
	}
	for name, want := range map[string]int{"first": 2, "second": 0} {
		if history, _ := rooms.Look(name); len(history) != want {
			t.Errorf("%s has %d messages, want %d", name, len(history), want)
		}
	}
	if _, people := rooms.Look("full"); people != 1 {
		t.Error("the room with a visitor was forgotten")
	}
}
