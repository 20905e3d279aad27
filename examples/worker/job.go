package main

import (
	"context"
	"strings"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
)

// Jobs is the channel that work is sent to.
const Jobs = "jobs"

// Count is a job: count the words of a text.
type Count struct {
	Text  string `json:"text"`
	Reply string `json:"reply"` // the channel of who asks
}

// Message returns the job for the channel layer.
func (c Count) Message() layer.Message {
	return layer.Message{"type": "count.words", "text": c.Text, "reply": c.Reply}
}

// Counter is the consumer of the channel Jobs. There is one value for each slot,
// so that several jobs are done at a time and none needs a lock.
type Counter struct {
	consumer.Base
	words map[string]int // used again for each job
}

// NewWorker returns a worker that does up to slots jobs at a time.
func NewWorker(l layer.ChannelLayer, slots int) (*consumer.Worker, error) {
	newCounter := func() *Counter { return &Counter{words: make(map[string]int)} }
	return consumer.NewWorker(Jobs, newCounter, &consumer.WorkerOptions{Layer: l, Slots: slots})
}

// CountWords handles "count.words" from the channel layer.
func (c *Counter) CountWords(ctx context.Context, job Count) error {
	clear(c.words)
	total := 0
	for word := range strings.FieldsSeq(job.Text) {
		c.words[strings.ToLower(strings.Trim(word, ".,;:!?\"'()"))]++
		total++
	}
	return c.Layer().Send(ctx, job.Reply, layer.Message{
		"type": "words.counted", "words": total, "different": len(c.words),
	})
}
