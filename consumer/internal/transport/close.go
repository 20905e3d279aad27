package transport

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Close codes this package sends or reports, RFC 6455 section 7.4.1.
const (
	CodeNormal      = 1000
	codeProtocol    = 1002
	CodeNoStatus    = 1005 // a close frame without a code; never sent
	CodeAbnormal    = 1006 // no close frame; never sent
	codeInvalidData = 1007
	codePolicy      = 1008
	codeTooBig      = 1009
	CodeTryLater    = 1013
)

const maxReason = maxControl - 2

// CheckCode says whether code may be sent in a close frame: 1000 to 1003, 1007
// to 1014 and 3000 to 4999 (RFC 6455 section 7.4, and the IANA registry).
func CheckCode(code int) error {
	switch {
	case code >= 1000 && code <= 1003, code >= 1007 && code <= 1014, code >= 3000 && code <= 4999:
		return nil
	}
	return fmt.Errorf("close code %d may not be sent: 1000 to 1003, 1007 to 1014 and 3000 to 4999 may", code)
}

// CutReason returns what of reason fits in a close frame: valid UTF-8 of at
// most 123 bytes, cut between runes.
func CutReason(reason string) string {
	reason = strings.ToValidUTF8(reason, "\uFFFD")
	if len(reason) <= maxReason {
		return reason
	}
	n := maxReason
	for !utf8.RuneStart(reason[n]) {
		n--
	}
	return reason[:n]
}

// closePayload is empty for CodeNoStatus.
func closePayload(code int, reason string) []byte {
	if code == CodeNoStatus {
		return nil
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(code)), CutReason(reason)...)
}

// closeFrame is not inlined: a reader that answers a close frame and closes the
// socket just does so on the stack that it began with.
//
//go:noinline
func closeFrame(code int, reason string) []byte {
	return controlFrame(opClose, closePayload(code, reason))
}

// parseClose reads the payload of a peer's close frame.
func parseClose(p []byte) (code int, reason string, err error) {
	switch {
	case len(p) == 0:
		return CodeNoStatus, "", nil
	case len(p) == 1:
		return 0, "", errShortClose
	}
	code = int(binary.BigEndian.Uint16(p))
	if CheckCode(code) != nil {
		return 0, "", errCloseCode
	}
	if !utf8.Valid(p[2:]) {
		return 0, "", errNotUTF8
	}
	return code, string(p[2:]), nil
}

// EndError says how a connection ended. Code is what Disconnect is told: the
// code of the first close frame, either side's, or 1005 or 1006.
type EndError struct {
	Code   int
	Reason string // the peer's, or ours
	Cause  Cause
	Err    error // nil if a close frame ended it
}

// Error implements error.
func (e *EndError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("connection ended with %d: %v", e.Code, e.Err)
	}
	return fmt.Sprintf("connection ended with %d %q", e.Code, e.Reason)
}

// Unwrap returns what happened on the wire.
func (e *EndError) Unwrap() error { return e.Err }

// Cause is who or what ended a connection.
type Cause uint8

// The causes.
const (
	CauseClient       Cause = iota // the client's close frame
	CauseServer                    // our close frame, asked for by the application
	CauseLost                      // the socket ended without a close frame
	CauseProtocol                  // the client broke the protocol
	CauseTooBig                    // its message exceeds ReadLimit
	CauseSlow                      // the client does not read
	CauseWriteTimeout              // a write did not end in time
	CausePingTimeout               // a ping was not answered in time
)

// protocolError is a peer's fault and the code that answers it.
type protocolError struct {
	code int
	text string
}

func (e *protocolError) Error() string { return e.text }

var (
	errShortClose   = &protocolError{codeProtocol, "close frame with a payload of one byte"}
	errCloseCode    = &protocolError{codeProtocol, "close frame with a code that may not be sent"}
	errNotUTF8      = &protocolError{codeInvalidData, "text is not UTF-8"}
	errInflate      = &protocolError{codeInvalidData, "compressed message cannot be inflated"}
	errTooBig       = &protocolError{codeTooBig, "message exceeds the read limit"}
	errUnmasked     = &protocolError{codeProtocol, "frame without a mask"}
	errReserved     = &protocolError{codeProtocol, "reserved bit or opcode"}
	errControl      = &protocolError{codeProtocol, "control frame fragmented or longer than 125 bytes"}
	errLength       = &protocolError{codeProtocol, "frame length not in its shortest form, or beyond 63 bits"}
	errContinuation = &protocolError{codeProtocol, "continuation frame out of place"}
	errFlood        = &protocolError{codePolicy, "too many control or empty frames"}

	// ErrClosed is returned by Send after the connection ended or a close
	// frame was queued.
	ErrClosed = errors.New("connection closed")
	// ErrSlow is returned by the Send that closed a client that does not read.
	ErrSlow = errors.New("queue full, connection closed")
	// ErrDropped is returned by a Send whose frame was dropped.
	ErrDropped = errors.New("queue full, frame dropped")
)
