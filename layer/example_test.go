package layer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/gochannels/channels/layer"
)

func ExampleMemory() {
	ctx := context.Background()
	l := new(layer.Memory)
	defer l.Close()
	box, err := l.NewChannel(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer box.Close()
	if err := l.GroupAdd(ctx, "news", box.Channel()); err != nil {
		fmt.Println(err)
		return
	}
	if err := l.GroupSend(ctx, "news", layer.Message{"type": "news.flash", "text": "It rains."}); err != nil {
		fmt.Println(err)
		return
	}
	e, err := box.Receive(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	msg, err := e.Message()
	fmt.Println(e.Type(), msg["text"], err)
	// Output: news.flash It rains. <nil>
}

func ExampleReceive() {
	ctx := context.Background()
	l := new(layer.Memory)
	for _, file := range []string{"a.png", "b.png"} {
		if err := l.Send(ctx, "thumbnails", layer.Message{"type": "thumbnail.make", "file": file}); err != nil {
			fmt.Println(err)
		}
	}
	for range 2 {
		e, err := layer.Receive(ctx, l, "thumbnails")
		if err != nil {
			fmt.Println(err)
			return
		}
		var work struct {
			File string `json:"file"`
		}
		err = e.Decode(&work)
		fmt.Println(work.File, err)
	}
	// Output:
	// a.png <nil>
	// b.png <nil>
}

func ExampleMemory_Stats() {
	ctx := context.Background()
	l := &layer.Memory{Capacity: 2}
	box, _ := l.NewChannel(ctx)
	for range 3 {
		err := l.Send(ctx, box.Channel(), layer.Message{"type": "tick"})
		fmt.Println(err, errors.Is(err, layer.ErrFull))
	}
	box.TryReceive()
	s := l.Stats()
	fmt.Println(s.Routed, "=", s.Delivered, "+", s.Dropped[layer.DropFull], "+", s.Pending)
	// Output:
	// <nil> false
	// <nil> false
	// layer: the channel is full true
	// 3 = 1 + 1 + 1
}

func ExampleParseJSON() {
	for _, frame := range []string{
		`{"type": "echo.message", "n": 12345678901234567}`,
		`{"type": "a", "type": "b"}`,
		`{"items": [1, 2, 3e999]}`,
	} {
		e, err := layer.ParseJSON([]byte(frame))
		if err != nil {
			fmt.Println(err)
			continue
		}
		msg, _ := e.Message()
		fmt.Printf("%s %T\n", e.Type(), msg["n"])
	}
	// Output:
	// echo.message int64
	// layer: message.type: the key is there twice
	// layer: message.items[2]: the number 3e999 is beyond a float64
}

func ExampleEnvelope_Memo() {
	type frameKey struct{}
	e, _ := layer.Encode(layer.Message{"type": "shout", "text": "hello"})
	build := func() any {
		fmt.Println("building")
		b, _ := e.JSON()
		return strings.ToUpper(string(b))
	}
	fmt.Println(e.Memo(frameKey{}, build))
	fmt.Println(e.Memo(frameKey{}, build))
	// Output:
	// building
	// {"TEXT":"HELLO","TYPE":"SHOUT"}
	// {"TEXT":"HELLO","TYPE":"SHOUT"}
}

func ExampleMailbox_OnReady() {
	ctx := context.Background()
	l := new(layer.Memory)
	box, _ := l.NewChannel(ctx)
	ready := make(chan struct{}, 1)
	box.OnReady(func() { ready <- struct{}{} })
	for _, text := range []string{"one", "two"} {
		_ = l.Send(ctx, box.Channel(), layer.Message{"type": "count", "text": text})
	}
	<-ready // once, for both
	for {
		e, ok := box.TryReceive()
		if !ok {
			break
		}
		msg, _ := e.Message()
		fmt.Println(msg["text"])
	}
	// Output:
	// one
	// two
}

func ExampleMailbox_TakeGap() {
	box := layer.NewMailbox("specific.x!1", nil)
	box.DeliverGap(layer.Gap{Cause: "connection lost", Groups: []string{"news"}})
	box.DeliverGap(layer.Gap{Cause: "connection lost again", Groups: []string{"chat"}})
	gap, ok := box.TakeGap()
	fmt.Println(ok, gap.Cause, gap.Groups)
	// Output: true connection lost [chat news]
}

func ExampleAppendJSON() {
	b, err := layer.AppendJSON(nil, map[string]any{"price": 3.0, "count": 3, "note": "<b>"})
	fmt.Println(string(b), err)
	// Output: {"count":3,"note":"<b>","price":3.0} <nil>
}

func ExampleCheckChannelName() {
	fmt.Println(layer.CheckChannelName("specific.memory!A"))
	fmt.Println(layer.CheckChannelName("user:42"))
	// Output:
	// <nil>
	// layer: channel name "user:42": byte 4 (':') is not an ASCII letter, digit, '-', '.', '_' or '!'
}
