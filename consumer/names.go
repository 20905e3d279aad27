package consumer

import (
	"fmt"
	"strings"
)

// maxType is the longest message type, in bytes.
const maxType = 100

// wireName returns the one message type that a method handles: EchoMessage
// handles "echo.message". Each capital letter begins a part, so the way back is
// as unique.
func wireName(method string) (string, error) {
	var b strings.Builder
	for i := range len(method) {
		c := method[i]
		switch {
		case c >= 'A' && c <= 'Z':
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteByte(c + 'a' - 'A')
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			b.WriteByte(c)
		default:
			return "", fmt.Errorf("%s has a name that no message type maps to: a handler's name is ASCII letters and digits; name it in Options.Types, or unexport it", method)
		}
	}
	if b.Len() > maxType {
		return "", fmt.Errorf("%.60s has a name longer than the %d bytes of a message type", method, maxType)
	}
	return b.String(), nil
}

// canonical writes '_' as '.': Channels maps both to the same method.
func canonical(typ string) string { return strings.ReplaceAll(typ, "_", ".") }

// checkType says whether a handler may be registered for a type.
func checkType(typ string) error {
	why := ""
	switch {
	case typ == "":
		why = "is empty"
	case len(typ) > maxType:
		why = fmt.Sprintf("is longer than %d bytes", maxType)
	case typ[0] == '.' || typ[0] == '_':
		why = "begins with '.' or '_'"
	case strings.HasPrefix(typ, "websocket."):
		why = "is reserved for the transport"
	default:
		for _, c := range []byte(typ) {
			if c <= ' ' || c > '~' {
				why = "has a byte that is not printable ASCII"
				break
			}
		}
	}
	if why == "" {
		return nil
	}
	return fmt.Errorf("the message type %.60q %s", typ, why)
}

// isToken reports whether s is a token, RFC 9110 section 5.6.2.
func isToken(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}
