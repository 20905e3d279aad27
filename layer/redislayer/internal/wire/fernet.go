package wire

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash"
	"sync"
	"time"
)

// A Fernet token is the URL-safe base64 of: 0x80, the time in seconds as 8 bytes, the initialisation vector, the text
// padded as PKCS #7 has it and encrypted with AES-128 in CBC mode, and the HMAC-SHA256 of all that.
const (
	fernetVersion = 0x80
	timeSize      = 8
	ivSize        = aes.BlockSize
	headSize      = 1 + timeSize + ivSize
	macSize       = sha256.Size
	// maxClockSkew is how far in the future a token may be from where its age is looked at.
	maxClockSkew = 60
)

// tokenStart is what every token begins with until the year 36812; no MessagePack map and no JSON object does.
var tokenStart = []byte("gAAAA")

var errToken = errors.New("the payload is no token that one of the keys signed")

// fernetKey is one of the keys.
type fernetKey struct {
	block cipher.Block
	macs  sync.Pool // of hash.Hash
}

// newFernetKey makes a key as channels_redis does: the SHA-256 of whatever text it is given.
func newFernetKey(text string) *fernetKey {
	sum := sha256.Sum256([]byte(text))
	block, err := aes.NewCipher(sum[16:])
	if err != nil {
		panic(err) // of the key's length only
	}
	k := &fernetKey{block: block}
	k.macs.New = func() any { return hmac.New(sha256.New, sum[:16]) }
	return k
}

// appendMAC appends the code of b.
func (k *fernetKey) appendMAC(dst, b []byte) []byte {
	h := k.macs.Get().(hash.Hash)
	defer k.macs.Put(h)
	h.Reset()
	h.Write(b)
	return h.Sum(dst)
}

// tokenSize is how many bytes the token of n bytes has.
func tokenSize(n int) int { return base64.URLEncoding.EncodedLen(rawTokenSize(n)) }

func rawTokenSize(n int) int { return headSize + n - n%aes.BlockSize + aes.BlockSize + macSize }

// appendToken encrypts and signs plain.
func (k *fernetKey) appendToken(dst, plain []byte, now time.Time, iv [ivSize]byte) []byte {
	raw := make([]byte, 0, rawTokenSize(len(plain)))
	raw = append(raw, fernetVersion)
	raw = binary.BigEndian.AppendUint64(raw, uint64(now.Unix()))
	raw = append(raw, iv[:]...)
	raw = append(raw, plain...)
	for pad := aes.BlockSize - len(plain)%aes.BlockSize; len(raw) < cap(raw)-macSize; {
		raw = append(raw, byte(pad))
	}
	text := raw[headSize:]
	cipher.NewCBCEncrypter(k.block, iv[:]).CryptBlocks(text, text)
	raw = k.appendMAC(raw, raw)
	return base64.URLEncoding.AppendEncode(dst, raw)
}

// openToken checks and decrypts a token that any of the keys made. ttl is the age beyond which it is refused, with one
// from the future; 0 means that its time is not looked at.
func openToken(keys []*fernetKey, token []byte, now time.Time, ttl time.Duration) ([]byte, error) {
	raw := make([]byte, base64.URLEncoding.DecodedLen(len(token)))
	n, err := base64.URLEncoding.Decode(raw, token)
	raw = raw[:n]
	if err != nil || n < headSize+aes.BlockSize+macSize || (n-headSize-macSize)%aes.BlockSize != 0 || raw[0] != fernetVersion {
		return nil, errToken
	}
	signed, mac := raw[:n-macSize], raw[n-macSize:]
	for _, k := range keys {
		var sum [macSize]byte
		if !hmac.Equal(k.appendMAC(sum[:0], signed), mac) {
			continue
		}
		if ttl > 0 {
			if err := checkAge(binary.BigEndian.Uint64(raw[1:]), now.Unix(), int64(ttl/time.Second)); err != nil {
				return nil, err
			}
		}
		text := signed[headSize:]
		cipher.NewCBCDecrypter(k.block, raw[1+timeSize:headSize]).CryptBlocks(text, text)
		return unpad(text)
	}
	return nil, errToken
}

var (
	errOld    = errors.New("the encrypted payload is too old")
	errFuture = errors.New("the encrypted payload is from the future: a clock is wrong")
	errPad    = errors.New("the encrypted payload is not padded")
)

func checkAge(made uint64, now, ttl int64) error {
	switch t := int64(made); {
	case t < 0, t > now+maxClockSkew:
		return errFuture
	case t+ttl < now:
		return errOld
	}
	return nil
}

// unpad takes the padding off. The text is signed, so what is told of its padding helps nobody.
func unpad(text []byte) ([]byte, error) {
	pad := int(text[len(text)-1])
	if pad == 0 || pad > aes.BlockSize {
		return nil, errPad
	}
	text, padding := text[:len(text)-pad], text[len(text)-pad:]
	for _, c := range padding {
		if int(c) != pad {
			return nil, errPad
		}
	}
	return text, nil
}
