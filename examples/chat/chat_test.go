package main

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/testing/consumertest"
)

// testSite is the whole program but for its listener.
type testSite struct {
	http.Handler
	layer *layer.Memory
	rooms *Rooms
}

func newTestSite() *testSite {
	s := &testSite{layer: new(layer.Memory), rooms: NewRooms()}
	s.Handler = NewSite(NewChat(s.layer, s.rooms), s.rooms)
	return s
}

type welcome struct {
	Type    string
	People  int
	History []Said
}

// enter connects to a room and returns what the visitor is welcomed with.
func (s *testSite) enter(t *testing.T, room, nick string) (*consumertest.WebsocketCommunicator, welcome) {
	t.Helper()
	visitor := consumertest.NewWebsocketCommunicator(t, s, "/room/"+room+"/ws")
	visitor.Connect()
	var w welcome
	visitor.ReceiveJSON(&w)
	if w.Type != "chat.welcome" {
		t.Fatalf("the first message is %q, want chat.welcome", w.Type)
	}
	if nick != "" {
		visitor.SendJSON(layer.Message{"type": "chat.nick", "nick": nick})
		visitor.ExpectJSON(layer.Message{"type": "chat.nick", "nick": strings.TrimSpace(nick)})
	}
	return visitor, w
}

func say(visitor *consumertest.WebsocketCommunicator, id, text string) {
	visitor.SendJSON(layer.Message{"type": "chat.message", "id": id, "text": text})
}

// expect receives one message and compares all of it but its time.
func expect(t *testing.T, visitor *consumertest.WebsocketCommunicator, id, nick, text string) Said {
	t.Helper()
	var got Said
	visitor.ReceiveJSON(&got)
	want := Said{Type: "chat.message", ID: id, Nick: nick, Text: text, At: got.At}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
	return got
}

func TestEveryoneInTheRoomHearsAMessage(t *testing.T) {
	t.Parallel()
	s := newTestSite()
	ada, _ := s.enter(t, "lobby", "Ada")
	grace, _ := s.enter(t, "lobby", "Grace")
	elsewhere, _ := s.enter(t, "kitchen", "Alan")

	say(ada, "1", "  Hello!\n")
	heard := expect(t, grace, "1", "Ada", "Hello!")
	echoed := expect(t, ada, "1", "Ada", "Hello!")
	if heard != echoed || heard.At == 0 {
		t.Errorf("Grace heard %+v, Ada %+v", heard, echoed)
	}
	elsewhere.ExpectNothing()
}

func TestHistoryKeepsWhatWasSaid(t *testing.T) {
	t.Parallel()
	s := newTestSite()
	ada, _ := s.enter(t, "lobby", "Ada")
	var want []string
	for i := range historySize + 3 {
		text := fmt.Sprintf("message %d%s", i, strings.Repeat("x", i))
		say(ada, fmt.Sprint(i), text)
		expect(t, ada, fmt.Sprint(i), "Ada", text)
		want = append(want, text)
	}
	_, w := s.enter(t, "lobby", "")
	var got []string
	for _, said := range w.History {
		got = append(got, said.Text)
	}
	if diff := cmp.Diff(want[3:], got); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if _, w := s.enter(t, "kitchen", ""); len(w.History) > 0 {
		t.Errorf("another room has the history %v", w.History)
	}
}

func TestHistoryOutlivesItsVisitors(t *testing.T) {
	t.Parallel()
	s := newTestSite()
	ada, _ := s.enter(t, "lobby", "Ada")
	say(ada, "1", "Is anybody here?")
	expect(t, ada, "1", "Ada", "Is anybody here?")
	ada.Disconnect()

	_, w := s.enter(t, "lobby", "Grace")
	if len(w.History) != 1 || w.People != 1 {
		t.Errorf("welcome %+v, want one message and one visitor", w)
	}
}

func TestResentMessageReachesItsSenderOnly(t *testing.T) {
	t.Parallel()
	s := newTestSite()
	ada, _ := s.enter(t, "lobby", "Ada")
	grace, _ := s.enter(t, "lobby", "Grace")
	say(ada, "1", "Once.")
	first := expect(t, ada, "1", "Ada", "Once.")
	expect(t, grace, "1", "Ada", "Once.")
	ada.CloseNow()

	// The echo was lost with the connection, for all that the page knows.
	again, w := s.enter(t, "lobby", "Ada")
	say(again, "1", "Once.")
	if second := expect(t, again, "1", "Ada", "Once."); second != first {
		t.Errorf("echo %+v, want the first one %+v", second, first)
	}
	grace.ExpectNothing()
	if len(w.History) != 1 {
		t.Errorf("history %v, want the message once", w.History)
	}

	// And so it is after the history has passed on.
	for i := range historySize {
		id := fmt.Sprint("x", i)
		say(again, id, "More.")
		expect(t, again, id, "Ada", "More.")
		expect(t, grace, id, "Ada", "More.")
	}
	say(again, "1", "Once.")
	expect(t, again, "1", "Ada", "Once.")
	grace.ExpectNothing()
}

func TestBadRoomIsRefused(t *testing.T) {
	t.Parallel()
	s := newTestSite()
	for _, room := range []string{"%20", "a%20b", "a%2Fb", "a.b", "%00", "%FF", strings.Repeat("a", maxRoom+1), "%E2%80%AEabc"} {
		visitor := consumertest.NewWebsocketCommunicator(t, s, "/room/"+room+"/ws")
		visitor.ExpectRefused(http.StatusNotFound)
	}
	for _, room := range []string{"a", "A-b_9", "K%C3%BCche", strings.Repeat("%E6%97%A5", maxRoom)} {
		s.enter(t, room, "")
	}
	// In many scripts a word has marks, and some systems write Küche so too.
	for _, room := range []string{"हिन्दी", "தமிழ்", "ไทย", "Ku\u0308che"} {
		s.enter(t, url.PathEscape(room), "")
	}
}

func TestBadNicknameIsRefusedAndTheOldOneStays(t *testing.T) {
	t.Parallel()
	s := newTestSite()
	visitor, _ := s.enter(t, "lobby", "")
	for nick, problem := range map[any]string{
		"":                                  "A nickname cannot be empty.",
		" \t ":                              "A nickname cannot be empty.",
		strings.Repeat("ä", maxNick+1):      "A nickname has at most 24 characters.",
		"a\nb":                              "A nickname has visible characters only.",
		"\u202eadA":                         "A nickname has visible characters only.",
		"a\u200bb":                          "A nickname has visible characters only.",
		7:                                   "A nickname cannot be empty.",
		" " + strings.Repeat("x", 40) + " ": "A nickname has at most 24 characters.",
	} {
		visitor.SendJSON(layer.Message{"type": "chat.nick", "nick": nick})
		visitor.ExpectJSON(layer.Message{"type": "chat.refused", "problem": problem})
	}
	say(visitor, "1", "Who am I?")
	visitor.ExpectJSON(layer.Message{"type": "chat.refused", "id": "1", "problem": "Choose a nickname first."})

	for _, nick := range []string{"Ada", " Æthelred ", strings.Repeat("ä", maxNick), "日本"} {
		visitor.SendJSON(layer.Message{"type": "chat.nick", "nick": nick})
		visitor.ExpectJSON(layer.Message{"type": "chat.nick", "nick": strings.TrimSpace(nick)})
	}
	visitor.SendJSON(layer.Message{"type": "chat.nick", "nick": ""})
	visitor.ExpectJSON(layer.Message{"type": "chat.refused", "problem": "A nickname cannot be empty."})
	say(visitor, "2", "Hello")
	expect(t, visitor, "2", "日本", "Hello")
}

func TestBadMessageIsRefusedAndReachesNobody(t *testing.T) {
	t.Parallel()
	s := newTestSite()
	ada, _ := s.enter(t, "lobby", "Ada")
	grace, _ := s.enter(t, "lobby", "Grace")
	badID := "A message needs an id of letters, digits and hyphens."
	for _, c := range []struct {
		id, text, problem string
	}{
		{"1", "", "A message cannot be empty."},
		{"1", " \n ", "A message cannot be empty."},
		{"1", strings.Repeat("é", maxText+1), "A message has at most 1000 characters."},
		{"1", strings.Repeat("a\n", maxLines) + "b", "A message has at most 30 lines."},
		{"1", "a\x00b", "A message has no control characters."},
		{"", "a", badID},
		{"a b", "a", badID},
		{strings.Repeat("a", maxID+1), "a", badID},
	} {
		say(ada, c.id, c.text)
		ada.ExpectJSON(layer.Message{"type": "chat.refused", "id": c.id, "problem": c.problem})
	}
	// What is no message of this program is nobody's concern.
	ada.SendJSON(layer.Message{"type": "chat.people", "people": 1000})
	ada.SendJSON(layer.Message{"type": "disconnect"})
	ada.SendJSON(layer.Message{"text": "no type"})
	say(ada, "2", strings.Repeat("é", maxText))
	expect(t, grace, "2", "Ada", strings.Repeat("é", maxText))
}

func TestPeopleAreAnnounced(t *testing.T) {
	t.Parallel()
	s := newTestSite()
	ada, first := s.enter(t, "lobby", "Ada")
	grace, second := s.enter(t, "lobby", "Grace")
	if first.People != 1 || second.People != 2 {
		t.Errorf("welcomed with %d and %d people, want 1 and 2", first.People, second.People)
	}
	s.rooms.Announce(t.Context(), s.layer)
	ada.ExpectJSON(layer.Message{"type": "chat.people", "people": 2})
	grace.ExpectJSON(layer.Message{"type": "chat.people", "people": 2})
	s.rooms.Announce(t.Context(), s.layer)
	ada.ExpectNothing()

	grace.Disconnect()
	s.rooms.Announce(t.Context(), s.layer)
	ada.ExpectJSON(layer.Message{"type": "chat.people", "people": 1})
	if diff := cmp.Diff([]Open{{"lobby", 1}}, s.rooms.Open()); diff != "" {
		t.Errorf("open rooms (-want +got):\n%s", diff)
	}
}

func TestRefusedLayerUndoesTheMessage(t *testing.T) {
	t.Parallel()
	s := newTestSite()
	ada, _ := s.enter(t, "lobby", "Ada")
	if err := s.layer.Close(); err != nil {
		t.Fatal(err)
	}
	// A closed layer ends its members; what Ada sees first is either.
	say(ada, "1", "Hello?")
	frame, err := ada.Receive(t.Context())
	if err == nil && !strings.Contains(string(frame.Data), "chat.refused") {
		t.Errorf("got %s", frame.Data)
	}
	if history, _ := s.rooms.Look("lobby"); slices.ContainsFunc(history, func(said Said) bool { return said.ID == "1" }) {
		t.Error("a message that nobody got is in the history")
	}
}
