package wire

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gochannels/channels/layer"
)

// Capacities says how many messages may wait in a channel.
type Capacities struct {
	standard int
	special  []capacity
}

type capacity struct {
	names    *regexp.Regexp
	capacity int
}

// NewCapacities makes Capacities of a default and of what has another one: the first pattern that matches counts.
// Patterns are those of Python's fnmatch, of characters.
func NewCapacities(standard int, special []layer.ChannelCapacity) (*Capacities, error) {
	c := &Capacities{standard: standard}
	for _, s := range special {
		names, err := regexp.Compile(`(?s)\A` + fnmatch([]rune(s.Pattern)) + `\z`)
		if err != nil {
			return nil, fmt.Errorf("the pattern %q: %w", s.Pattern, err)
		}
		c.special = append(c.special, capacity{names, s.Capacity})
	}
	return c, nil
}

// Of returns the capacity of the channel.
func (c *Capacities) Of(channel string) int {
	for _, s := range c.special {
		if s.names.MatchString(channel) {
			return s.capacity
		}
	}
	return c.standard
}

// fnmatch returns a pattern as a regular expression. A '[' that no ']' closes means itself.
func fnmatch(pattern []rune) string {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; c {
		case '*':
			b.WriteString(".*")
		case '?':
			b.WriteString(".")
		case '[':
			if end := classEnd(pattern[i:]); end > 0 {
				b.WriteString(class(pattern[i+1 : i+end]))
				i += end
				continue
			}
			b.WriteString(`\[`)
		default:
			b.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	return b.String()
}

// classEnd returns where the class that pattern begins with ends, 0 if it does not. A ']' that comes first is one of it.
func classEnd(pattern []rune) int {
	from := 1
	if from < len(pattern) && pattern[from] == '!' {
		from++
	}
	if from < len(pattern) && pattern[from] == ']' {
		from++
	}
	if from > len(pattern) {
		return 0
	}
	if i := slices.Index(pattern[from:], ']'); i >= 0 {
		return from + i
	}
	return 0
}

// class returns what is between brackets as a regular expression.
func class(seq []rune) string {
	negated := seq[0] == '!'
	if negated {
		seq = seq[1:]
	}
	var b strings.Builder
	for len(seq) > 0 {
		low, high := seq[0], seq[0]
		if len(seq) > 2 && seq[1] == '-' {
			high = seq[2]
			seq = seq[2:]
		}
		seq = seq[1:]
		if low <= high {
			fmt.Fprintf(&b, `\x{%x}-\x{%x}`, low, high)
		}
	}
	switch {
	case b.Len() > 0 && negated:
		return "[^" + b.String() + "]"
	case b.Len() > 0:
		return "[" + b.String() + "]"
	case negated:
		return "."
	}
	return `[^\x{0}-\x{10ffff}]` // nothing
}
