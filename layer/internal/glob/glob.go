// Package glob matches names as Python's fnmatch does: '*' is any text, '?' any byte, [seq] one of some, [!seq] none of
// them; case matters.
package glob

import (
	"errors"
	"strings"
)

// Check returns an error for a pattern that can match no name as it was meant: an empty one, or one with a '[' that no
// ']' closes.
func Check(pattern string) error {
	if pattern == "" {
		return errors.New("it is empty")
	}
	for pattern != "" {
		if pattern[0] != '[' {
			pattern = pattern[1:]
			continue
		}
		_, rest, ok := class(pattern)
		if !ok {
			return errors.New("a '[' has no ']'")
		}
		pattern = rest
	}
	return nil
}

// Match reports whether all of name matches a pattern that Check has passed.
func Match(pattern, name string) bool {
	var retry, retryName string // where to go on after the last '*', which may take one byte more each time
	starred := false
	for name != "" || pattern != "" {
		if rest, ok := strings.CutPrefix(pattern, "*"); ok {
			pattern, retry, retryName, starred = rest, rest, name, true
			continue
		}
		if rest, ok := one(pattern, name); ok {
			pattern, name = rest, name[1:]
			continue
		}
		if !starred || retryName == "" {
			return false
		}
		retryName = retryName[1:]
		pattern, name = retry, retryName
	}
	return true
}

// one matches the first byte of name, and returns the rest of the pattern.
func one(pattern, name string) (string, bool) {
	if pattern == "" || name == "" {
		return "", false
	}
	switch pattern[0] {
	case '?':
		return pattern[1:], true
	case '[':
		seq, rest, _ := class(pattern)
		return rest, in(seq, name[0])
	}
	return pattern[1:], pattern[0] == name[0]
}

// class splits a pattern that begins with '[' behind the ']' that closes it. A ']' at the start of seq is one of it.
func class(pattern string) (seq, rest string, ok bool) {
	skip := 1
	if strings.HasPrefix(pattern[skip:], "!") {
		skip++
	}
	if strings.HasPrefix(pattern[skip:], "]") {
		skip++
	}
	end := strings.IndexByte(pattern[skip:], ']')
	if end < 0 {
		return "", "", false
	}
	end += skip
	return pattern[1:end], pattern[end+1:], true
}

func in(seq string, c byte) bool {
	negated := strings.HasPrefix(seq, "!")
	if negated {
		seq = seq[1:]
	}
	for seq != "" {
		if len(seq) > 2 && seq[1] == '-' {
			if seq[0] <= c && c <= seq[2] {
				return !negated
			}
			seq = seq[3:]
			continue
		}
		if seq[0] == c {
			return !negated
		}
		seq = seq[1:]
	}
	return negated
}
