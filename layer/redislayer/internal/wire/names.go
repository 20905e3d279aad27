package wire

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gochannels/channels/layer"
)

// maxName is the longest name, in characters.
const maxName = 99

// CheckChannelName returns nil for the names that Channels takes for channels, and otherwise a [*layer.NameError]. They
// are ASCII letters, digits of any script, '-', '_' and '.'; behind a '!' letters of any script too; a line feed may be
// last. For a name to receive from, nothing may follow the '!'.
func CheckChannelName(name string, receive bool) error {
	rule := commonRule(name)
	prefix, local, specific := strings.Cut(strings.TrimSuffix(name, "\n"), "!")
	switch {
	case rule != "":
	case !consists(prefix, nameRune):
		rule = "only ASCII letters, digits, '-', '_' and '.' may be before a '!'"
	case !consists("-"+local, localRune):
		rule = "only letters, digits, '-', '_' and '.' may be behind the '!'"
	case receive && specific && !strings.HasSuffix(name, "!"):
		rule = "to receive from, a name must end with its '!'"
	}
	if rule == "" {
		return nil
	}
	return &layer.NameError{Kind: "channel", Name: name, Rule: rule}
}

// CheckGroupName is CheckChannelName for groups, whose names have no '!'.
func CheckGroupName(name string) error {
	rule := commonRule(name)
	if rule == "" && !consists(strings.TrimSuffix(name, "\n"), nameRune) {
		rule = "only ASCII letters, digits, '-', '_' and '.' may be in it"
	}
	if rule == "" {
		return nil
	}
	return &layer.NameError{Kind: "group", Name: name, Rule: rule}
}

func commonRule(name string) string {
	switch n := utf8.RuneCountInString(name); {
	case name == "":
		return "it is empty"
	case n > maxName:
		return fmt.Sprintf("it has %d characters, more than %d", n, maxName)
	case !utf8.ValidString(name):
		return "it is not UTF-8"
	}
	return ""
}

// consists reports whether s has characters, and all of them are fit.
func consists(s string, fit func(rune) bool) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return !fit(r) }) < 0
}

func nameRune(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r == '-' || r == '_' || r == '.' || unicode.IsDigit(r)
}

func localRune(r rune) bool { return nameRune(r) || unicode.IsLetter(r) || unicode.IsNumber(r) }
