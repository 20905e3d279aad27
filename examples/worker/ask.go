package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
)

const (
	maxText  = 1 << 20
	patience = 10 * time.Second // of who asks by HTTP
)

// Client asks over a websocket and is told when its job is done.
type Client struct{ consumer.Base }

// NewClients returns the handler of the websockets.
func NewClients(l layer.ChannelLayer) *consumer.Handler {
	newClient := func() *Client { return new(Client) }
	return consumer.MustHandler(newClient, &consumer.Options{
		Layer: l, FromClient: []string{"count.words"}, ReadLimit: maxText,
	})
}

// CountWords handles "count.words" from the client.
func (c *Client) CountWords(ctx context.Context, job Count) error {
	// A client's own word for where to answer does not count.
	job.Reply = c.ChannelName()
	err := c.Layer().Send(ctx, Jobs, job.Message())
	if errors.Is(err, layer.ErrFull) {
		return c.SendJSON(ctx, consumer.Message{"type": "count.refused", "problem": "too many jobs wait already"})
	}
	return err
}

// WordsCounted handles "words.counted" from the channel layer: the worker's reply.
func (c *Client) WordsCounted(ctx context.Context, msg layer.Envelope) error {
	return c.SendJSON(ctx, msg)
}

// CountHandler counts the words of a request's body: it opens a channel, asks a
// worker to reply there, and waits.
func CountHandler(l layer.ChannelLayer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxText))
		if err != nil {
			http.Error(w, "the text is too long, or did not arrive", http.StatusBadRequest)
			return
		}
		if !utf8.Valid(text) { // which no layer passes on
			http.Error(w, "the text is not UTF-8", http.StatusBadRequest)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		reply, err := ask(ctx, l, string(text))
		if err != nil {
			w.Header().Set("Retry-After", "5")
			http.Error(w, "the workers are busy", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		// An error here is a client who has gone.
		_ = json.NewEncoder(w).Encode(reply)
	})
}

func ask(ctx context.Context, l layer.ChannelLayer, text string) (layer.Envelope, error) {
	box, err := l.NewChannel(ctx)
	if err != nil {
		return layer.Envelope{}, err
	}
	defer box.Close()
	if err := l.Send(ctx, Jobs, Count{Text: text, Reply: box.Channel()}.Message()); err != nil {
		return layer.Envelope{}, err
	}
	return box.Receive(ctx)
}
