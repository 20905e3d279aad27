package main

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gochannels/channels/layer"
)

// The lengths that the rules allow, in characters; an id's in bytes.
const (
	maxRoom = 40
	maxNick = 24
	maxText = 1000
	maxID   = 64

	maxLines = 30 // of a message, which is to leave something of the others in sight
)

// Said is one message of a room, as the layer carries it and the page gets it.
type Said struct {
	Type string `json:"type"`
	ID   string `json:"id"`
	Nick string `json:"nick"`
	Text string `json:"text"`
	At   int64  `json:"at"` // milliseconds since 1970
}

// Message returns s for the channel layer.
func (s Said) Message() layer.Message {
	return layer.Message{"type": s.Type, "id": s.ID, "nick": s.Nick, "text": s.Text, "at": s.At}
}

// ValidRoom reports whether name may be a room's: letters and digits of any script
// with their marks, hyphens and underscores.
func ValidRoom(name string) bool {
	return within(name, maxRoom) && !strings.ContainsFunc(name, func(c rune) bool {
		return !unicode.In(c, unicode.L, unicode.M, unicode.Nd) && c != '-' && c != '_'
	})
}

// ValidID reports whether id may be a message's.
func ValidID(id string) bool {
	return id != "" && len(id) <= maxID && !strings.ContainsFunc(id, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-'
	})
}

// CleanNick returns nick without space around it, or what is wrong with it.
func CleanNick(nick string) (clean, problem string) {
	nick = strings.TrimSpace(nick)
	switch {
	case nick == "":
		return "", "A nickname cannot be empty."
	case !within(nick, maxNick):
		return "", "A nickname has at most 24 characters."
	case strings.ContainsFunc(nick, func(c rune) bool { return !unicode.IsPrint(c) }):
		// IsPrint refuses what would turn or hide the text around a name.
		return "", "A nickname has visible characters only."
	}
	return nick, ""
}

// CleanText returns text without space around it, or what is wrong with it.
func CleanText(text string) (clean, problem string) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return "", "A message cannot be empty."
	case !within(text, maxText):
		return "", "A message has at most 1000 characters."
	case strings.Count(text, "\n") >= maxLines:
		return "", "A message has at most 30 lines."
	case strings.ContainsFunc(text, func(c rune) bool { return unicode.IsControl(c) && c != '\n' && c != '\t' }):
		return "", "A message has no control characters."
	}
	return text, ""
}

func within(s string, limit int) bool {
	return s != "" && utf8.ValidString(s) && utf8.RuneCountInString(s) <= limit
}
