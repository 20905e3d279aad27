package layer

import (
	"fmt"
	"strings"

	"github.com/gochannels/channels/group"
)

// NameError says which rule the name of a group or channel broke.
type NameError = group.NameError

// CheckChannelName returns nil if name may be a channel's name, that is if it matches
// \A[A-Za-z0-9._-]+(![A-Za-z0-9._-]*)?\z and has at most 99 bytes, and otherwise a [*NameError].
func CheckChannelName(name string) error {
	prefix, local, specific := strings.Cut(name, "!")
	var rule string
	switch {
	case name == "":
		rule = "it is empty"
	case len(name) > group.MaxNameLength:
		rule = fmt.Sprintf("it has %d bytes, more than %d", len(name), group.MaxNameLength)
	case prefix == "":
		rule = "nothing is before its '!'"
	default:
		rule = unfit(prefix, 0)
		if rule == "" && specific {
			rule = unfit(local, len(prefix)+1)
		}
	}
	if rule == "" {
		return nil
	}
	return &NameError{Kind: "channel", Name: name, Rule: rule}
}

// unfit finds a byte that no name may have in part, which begins at byte offset of the name.
func unfit(part string, offset int) string {
	for i := range len(part) {
		switch c := part[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_':
		case c == '!':
			return fmt.Sprintf("byte %d is a second '!'", offset+i)
		case c < 0x80:
			return fmt.Sprintf("byte %d (%q) is not an ASCII letter, digit, '-', '.', '_' or '!'", offset+i, rune(c))
		default:
			return fmt.Sprintf("byte %d (0x%02x) is not an ASCII letter, digit, '-', '.', '_' or '!'", offset+i, c)
		}
	}
	return ""
}

func checkNamed(channel string) error {
	if err := CheckChannelName(channel); err != nil {
		return err
	}
	if strings.Contains(channel, "!") {
		return &NameError{Kind: "channel", Name: channel, Rule: "a name with '!' is read from its mailbox, not by name"}
	}
	return nil
}

func checkMember(groupName, channel string) error {
	if err := group.CheckName(groupName); err != nil {
		return err
	}
	return CheckChannelName(channel)
}
