package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/testing/consumertest"
)

func newWorker(t *testing.T, l layer.ChannelLayer) *consumer.Worker {
	t.Helper()
	worker, err := NewWorker(l, 2)
	if err != nil {
		t.Fatal(err)
	}
	return worker
}

func TestWorkerRepliesToTheAskersChannel(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	consumertest.RunWorker(t, newWorker(t, l))
	asker := consumertest.NewChannel(t, l)

	job := Count{Text: "To be, or not to be?", Reply: asker.Name()}
	if err := l.Send(t.Context(), Jobs, job.Message()); err != nil {
		t.Fatal(err)
	}
	asker.Expect(layer.Message{"type": "words.counted", "words": 6, "different": 4})
}

func TestClientIsToldOverItsSocket(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	other := consumertest.NewChannel(t, l)
	client := consumertest.NewWebsocketCommunicator(t, NewClients(l), "/ws")
	client.Connect()

	// Jobs wait in the layer until there is a worker.
	client.SendJSON(consumer.Message{"type": "count.words", "text": "one two", "reply": other.Name()})
	client.ExpectNothing()
	consumertest.RunWorker(t, newWorker(t, l))
	client.ExpectJSON(consumer.Message{"type": "words.counted", "words": 2, "different": 2})
	other.ExpectNothing()
	client.Disconnect()
}

func TestABadJobStopsNoWorker(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	consumertest.RunWorker(t, newWorker(t, l))
	asker := consumertest.NewChannel(t, l)

	for _, msg := range []layer.Message{
		{"type": "count.words", "text": 7},
		{"type": "nobody.knows"},
		Count{Text: "three blind mice", Reply: asker.Name()}.Message(),
	} {
		if err := l.Send(t.Context(), Jobs, msg); err != nil {
			t.Fatal(err)
		}
	}
	asker.Expect(layer.Message{"type": "words.counted", "words": 3, "different": 3})
}

func TestCountOverHTTP(t *testing.T) {
	t.Parallel()
	l := new(layer.Memory)
	consumertest.RunWorker(t, newWorker(t, l))

	response := httptest.NewRecorder()
	request := httptest.NewRequest("POST", "/count", strings.NewReader("a b c a"))
	CountHandler(l).ServeHTTP(response, request)

	want := `{"different":3,"type":"words.counted","words":4}` + "\n"
	if diff := cmp.Diff(want, response.Body.String()); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
}

func TestTextThatIsNotUTF8IsRefused(t *testing.T) {
	t.Parallel()
	response := httptest.NewRecorder()
	request := httptest.NewRequest(http.MethodPost, "/count", strings.NewReader("a \xff b"))
	CountHandler(new(layer.Memory)).ServeHTTP(response, request)
	if response.Code != http.StatusBadRequest {
		t.Errorf("got %d %s, want 400", response.Code, response.Body)
	}
}
