package group

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// MaxNameLength is the longest name of a group or channel, in bytes.
const MaxNameLength = 99

// NameError says which rule a name of a group or channel broke.
type NameError struct {
	Kind string // "group" or "channel"
	Name string // the whole name as it was given
	Rule string // what is wrong with it, in words
}

// Error names the kind and the rule, and quotes the name cut to 40 bytes. The
// names of channels are package layer's, and so is what is said of them.
func (e *NameError) Error() string {
	pkg := "group"
	if e.Kind == "channel" {
		pkg = "layer"
	}
	return fmt.Sprintf("%s: %s name %s: %s", pkg, e.Kind, quoteCut(e.Name), e.Rule)
}

// CheckName returns nil if name may be a group's name, that is if it matches \A[A-Za-z0-9._-]{1,99}\z,
// and otherwise a [*NameError]. Every name Django Channels writes in ASCII passes.
func CheckName(name string) error {
	if rule := brokenRule(name); rule != "" {
		return &NameError{Kind: "group", Name: name, Rule: rule}
	}
	return nil
}

func brokenRule(name string) string {
	if name == "" {
		return "it is empty"
	}
	if len(name) > MaxNameLength {
		return fmt.Sprintf("it has %d bytes, more than %d", len(name), MaxNameLength)
	}
	for i := range len(name) {
		if c := name[i]; !plain(c) && c != '.' && c != '_' {
			return fmt.Sprintf("byte %d (%s) is not an ASCII letter, digit, '-', '.' or '_'", i, quoteByte(c))
		}
	}
	return ""
}

// Name makes a group's name of parts, any strings at all. The result is always valid, and different parts never make
// the same name, so user input may be a part: Name("room", tenant, title).
//
// The algorithm is fixed, so that other languages can make the same names. In every part the ASCII letters, digits and
// '-' stay, and each other byte becomes '_' and two lower-case hex digits; an empty part becomes "_". The parts are
// joined by '.'; no parts at all make ".". If the result is longer than [MaxNameLength], the name is instead "_h" and
// the lower-case hex SHA-256 of that result. The file testdata/names.json has vectors. In Python:
//
//	def name(*parts):
//	    def escape(part):
//	        keep = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"
//	        return "".join(chr(b) if b in keep else "_%02x" % b for b in part.encode()) or "_"
//	    n = ".".join(map(escape, parts)) or "."
//	    return n if len(n) <= 99 else "_h" + hashlib.sha256(n.encode()).hexdigest()
func Name(parts ...string) string {
	if len(parts) == 0 {
		return "."
	}
	n := make([]byte, 0, MaxNameLength)
	for i, part := range parts {
		if i > 0 {
			n = append(n, '.')
		}
		n = appendPart(n, part)
	}
	if len(n) > MaxNameLength {
		sum := sha256.Sum256(n)
		return "_h" + hex.EncodeToString(sum[:])
	}
	return string(n)
}

func appendPart(n []byte, part string) []byte {
	if part == "" {
		return append(n, '_')
	}
	const digits = "0123456789abcdef"
	for i := range len(part) {
		if c := part[i]; plain(c) {
			n = append(n, c)
		} else {
			n = append(n, '_', digits[c>>4], digits[c&15])
		}
	}
	return n
}

func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-'
}

func quoteCut(s string) string {
	if len(s) <= 40 {
		return strconv.Quote(s)
	}
	return strconv.Quote(strings.ToValidUTF8(s[:40], "")) + "..."
}

func quoteByte(c byte) string {
	if c < 0x80 {
		return strconv.QuoteRune(rune(c))
	}
	return fmt.Sprintf("0x%02x", c)
}
