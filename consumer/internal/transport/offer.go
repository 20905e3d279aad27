package transport

import (
	"math"
	"strconv"
	"strings"
)

// agreement is what the answer to a client's offers of permessage-deflate says.
// Neither side ever refers to an earlier message.
const agreement = "permessage-deflate; client_no_context_takeover; server_no_context_takeover"

// agree chooses the first offer of permessage-deflate that can be met (RFC 7692
// section 5.1) from the lines of Sec-WebSocket-Extensions. It returns the answer, and
// how long a message may be to go out compressed: what is no longer than a
// window that the client limited can't refer back beyond it, and a message may
// always go out as it is. Without such an offer it returns "" and 0.
func agree(lines []string) (answer string, deflate int) {
	for _, offer := range Tokens(lines) {
		params := strings.Split(offer, ";")
		if strings.TrimSpace(params[0]) != "permessage-deflate" {
			continue
		}
		bits, ok := windowBits(params[1:])
		switch {
		case !ok:
		case bits == 0:
			return agreement, math.MaxInt
		case bits == maxWindowBits:
			return agreement + "; server_max_window_bits=15", math.MaxInt
		default:
			return agreement + "; server_max_window_bits=" + strconv.Itoa(bits), 1 << bits
		}
	}
	return "", 0
}

const (
	minWindowBits = 8
	maxWindowBits = 15 // what a client may use is never limited: its messages are inflated with this
)

// windowBits returns an offer's server_max_window_bits, 0 if it has none. It is
// not ok if the offer must be declined, RFC 7692 section 7.1.
func windowBits(params []string) (bits int, ok bool) {
	seen := make(map[string]bool, len(params))
	for _, param := range params {
		name, value, valued := strings.Cut(strings.TrimSpace(param), "=")
		if seen[name] {
			return 0, false
		}
		seen[name] = true
		n := parseBits(value)
		switch name {
		case "server_no_context_takeover", "client_no_context_takeover":
			ok = !valued
		case "client_max_window_bits":
			ok = !valued || n != 0
		case "server_max_window_bits":
			bits, ok = n, n != 0
		default:
			ok = false
		}
		if !ok {
			return 0, false
		}
	}
	return bits, true
}

// parseBits returns 0 for what is no number of 8 to 15 without leading zeros.
// Section 9.1 of RFC 6455 lets values be quoted.
func parseBits(s string) int {
	if len(s) > 2 && s[0] == '"' && s[len(s)-1] == '"' {
		s = s[1 : len(s)-1]
	}
	for n := minWindowBits; n <= maxWindowBits; n++ {
		if s == strconv.Itoa(n) {
			return n
		}
	}
	return 0
}
