package consumertest

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/gochannels/channels/consumer"
)

type opcode byte

const (
	opContinuation opcode = 0
	opText         opcode = 1
	opBinary       opcode = 2
	opClose        opcode = 8
	opPing         opcode = 9
	opPong         opcode = 10
)

const maxControlPayload = 125

// violationError says how the server broke RFC 6455.
type violationError struct{ what string }

func (e *violationError) Error() string {
	return "the server broke the WebSocket protocol: " + e.what
}

func violation(format string, args ...any) error {
	return &violationError{what: fmt.Sprintf(format, args...)}
}

type frame struct {
	final   bool
	op      opcode
	payload []byte
}

// readFrame reads one frame of the server. Reading nothing is io.EOF, a frame
// cut short io.ErrUnexpectedEOF, and what no server may send a violationError.
func readFrame(r *bufio.Reader) (frame, error) {
	var f frame
	first, err := r.ReadByte()
	if err != nil {
		return f, err
	}
	second, err := r.ReadByte()
	if err != nil {
		return f, noEOF(err)
	}
	f.final, f.op = first&0x80 != 0, opcode(first&0x0f)
	length := uint64(second & 0x7f)
	switch {
	case first&0x70 != 0:
		return f, violation("a frame with reserved bits set, though no extension was agreed")
	case f.op > opBinary && f.op < opClose || f.op > opPong:
		return f, violation("a frame of the unknown kind %d", f.op)
	case second&0x80 != 0:
		return f, violation("a masked frame")
	case f.op >= opClose && !f.final:
		return f, violation("a control frame in fragments")
	case f.op >= opClose && length > maxControlPayload:
		return f, violation("a control frame of more than %d bytes", maxControlPayload)
	}

	var extended [8]byte
	switch length {
	case 126:
		if _, err := io.ReadFull(r, extended[6:]); err != nil {
			return f, noEOF(err)
		}
		if length = binary.BigEndian.Uint64(extended[:]); length < 126 {
			return f, violation("a length of %d in 16 bits", length)
		}
	case 127:
		if _, err := io.ReadFull(r, extended[:]); err != nil {
			return f, noEOF(err)
		}
		length = binary.BigEndian.Uint64(extended[:])
		if length < 1<<16 || length >= 1<<63 {
			return f, violation("a length of %d in 64 bits", length)
		}
	}
	f.payload, err = readPayload(r, length)
	return f, err
}

// readPayload trusts no length: it grows with what has arrived.
func readPayload(r io.Reader, length uint64) ([]byte, error) {
	if length <= 1<<16 {
		b := make([]byte, length)
		_, err := io.ReadFull(r, b)
		return b, noEOF(err)
	}
	var buf bytes.Buffer
	_, err := io.CopyN(&buf, r, int64(length)) //nolint:gosec // readFrame refuses what overflows
	return buf.Bytes(), noEOF(err)
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// appendFrame appends one whole frame, masked as a client's must be.
func appendFrame(dst []byte, op opcode, payload []byte) []byte {
	dst = append(dst, 0x80|byte(op))
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, 0x80|byte(n))
	case n < 1<<16:
		dst = append(dst, 0x80|126)
		dst = binary.BigEndian.AppendUint16(dst, uint16(n))
	default:
		dst = append(dst, 0x80|127)
		dst = binary.BigEndian.AppendUint64(dst, uint64(n))
	}
	var mask [4]byte
	_, _ = rand.Read(mask[:]) // never fails
	dst = append(dst, mask[:]...)
	start := len(dst)
	dst = append(dst, payload...)
	for i := range dst[start:] {
		dst[start+i] ^= mask[i&3]
	}
	return dst
}

func appendClose(dst []byte, code consumer.StatusCode, reason string) []byte {
	if code == consumer.StatusNoStatus {
		return appendFrame(dst, opClose, nil)
	}
	payload := binary.BigEndian.AppendUint16(nil, uint16(code))
	return appendFrame(dst, opClose, append(payload, reason...))
}

func parseClose(payload []byte) (*consumer.CloseError, error) {
	switch len(payload) {
	case 0:
		return &consumer.CloseError{Code: consumer.StatusNoStatus}, nil
	case 1:
		return nil, violation("a close frame with half a code")
	}
	code, reason := binary.BigEndian.Uint16(payload), payload[2:]
	if !sendableCode(consumer.StatusCode(code)) {
		return nil, violation("the close code %d", code)
	}
	if !utf8.Valid(reason) {
		return nil, violation("a close reason that is not UTF-8: %q", reason)
	}
	return &consumer.CloseError{Code: consumer.StatusCode(code), Reason: string(reason)}, nil
}

// sendableCode reports whether a close frame may carry code.
func sendableCode(code consumer.StatusCode) bool {
	switch {
	case code == 1004 || code == 1005 || code == 1006:
		return false
	case code >= 1000 && code <= 1014, code >= 3000 && code <= 4999:
		return true
	}
	return false
}
