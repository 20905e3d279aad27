package site

import (
	"bytes"
	"strconv"
	"time"
)

// Message is what is broadcast.
type Message struct {
	Type string `json:"type"`
	T    int64  `json:"t"` // when it was made, by time.Time.UnixNano
	Data string `json:"data"`
}

// overhead is the length of a Message's JSON without data. T has 19 digits from
// 2001 to 2286.
const overhead = len(`{"t":1234567890123456789,"type":"chat.message","data":""}`)

var letters = string(bytes.Repeat([]byte("abcdefghijklmnopqrstuvwxyz"), 64<<10/26+1))

// NewMessage returns a message whose JSON has size bytes, if it is not too short
// for a message.
func NewMessage(size int) Message {
	return Message{Type: "chat.message", T: time.Now().UnixNano(), Data: letters[:max(size-overhead, 0)]}
}

// JSON encodes the message at the least cost: to encode it is not what is compared.
func (m Message) JSON() []byte {
	b := append(make([]byte, 0, overhead+len(m.Data)), `{"t":`...)
	b = strconv.AppendInt(b, m.T, 10)
	b = append(b, `,"type":"`...)
	b = append(b, m.Type...)
	b = append(b, `","data":"`...)
	b = append(b, m.Data...)
	return append(b, `"}`...)
}
