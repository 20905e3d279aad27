package codec

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"
)

// toUTF8 returns JSON as UTF-8 without a byte order mark. JSON begins with two characters of ASCII, or with a mark and
// one, so where its first zero bytes lie tells the encoding.
func toUTF8(b []byte) ([]byte, *Error) {
	var order binary.ByteOrder = binary.LittleEndian
	switch zeros := zeroBytes(b); {
	case bytes.HasPrefix(b, []byte{0xef, 0xbb, 0xbf}):
		return b[3:], nil
	case bytes.HasPrefix(b, []byte{0xff, 0xfe, 0, 0}):
		return fromUTF32(b[4:], order)
	case bytes.HasPrefix(b, []byte{0, 0, 0xfe, 0xff}):
		return fromUTF32(b[4:], binary.BigEndian)
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}):
		return fromUTF16(b[2:], order)
	case bytes.HasPrefix(b, []byte{0xfe, 0xff}):
		return fromUTF16(b[2:], binary.BigEndian)
	case zeros == "0...", zeros == "0.0.":
		return fromUTF16(b, binary.BigEndian)
	case zeros == ".0..", zeros == ".0.0", zeros == ".00.":
		return fromUTF16(b, order)
	case zeros == "000.":
		return fromUTF32(b, binary.BigEndian)
	case zeros == ".000":
		return fromUTF32(b, order)
	}
	return b, nil
}

// zeroBytes tells the zeros of the first four bytes from the others. An object cannot be shorter than that in anything
// but UTF-8.
func zeroBytes(b []byte) string {
	if len(b) < 4 {
		return ""
	}
	var kinds [4]byte
	for i := range kinds {
		kinds[i] = '.'
		if b[i] == 0 {
			kinds[i] = '0'
		}
	}
	return string(kinds[:])
}

func fromUTF16(b []byte, order binary.ByteOrder) ([]byte, *Error) {
	if len(b)%2 != 0 {
		return nil, problem("it is UTF-16 that ends within a character")
	}
	plain := make([]byte, 0, len(b)/2)
	for i := 0; i < len(b); i += 2 {
		r := rune(order.Uint16(b[i:]))
		if utf16.IsSurrogate(r) && i+4 <= len(b) {
			if pair := utf16.DecodeRune(r, rune(order.Uint16(b[i+2:]))); pair != utf8.RuneError {
				r = pair
				i += 2
			}
		}
		plain = utf8.AppendRune(plain, r)
	}
	return plain, nil
}

func fromUTF32(b []byte, order binary.ByteOrder) ([]byte, *Error) {
	if len(b)%4 != 0 {
		return nil, problem("it is UTF-32 that ends within a character")
	}
	plain := make([]byte, 0, len(b)/4)
	for i := 0; i < len(b); i += 4 {
		u := order.Uint32(b[i:])
		if u > utf8.MaxRune {
			return nil, problem("it is UTF-32 with what is no character")
		}
		plain = utf8.AppendRune(plain, rune(u))
	}
	return plain, nil
}
