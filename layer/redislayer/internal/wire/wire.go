// Package wire has the bytes that channels_redis puts into Redis: a random prefix, which may be encrypted payload
// follows, which is a message as MessagePack or JSON. It also has the hash by which channels_redis spreads names over
// several servers.
package wire

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"time"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/internal/codec"
)

// Format is how messages are serialised, by the names of Channels' serializer_format.
type Format string

// The formats of channels_redis.
const (
	FormatMsgpack Format = "msgpack"
	FormatJSON    Format = "json"
)

// channelKey is the key in which the core layer tells the receiving process for which of its channels a message is.
const channelKey = "__asgi_channel__"

// Options says what a Codec does; both ends must agree on all of it but MaxSize and AcceptPlaintext.
type Options struct {
	Format          Format        // "" means FormatMsgpack
	Keys            []string      // the first encrypts, all decrypt; none: no encryption
	RandomPrefix    int           // random bytes before each payload; 0 or less means none
	TTL             time.Duration // the age from which encrypted messages are refused; 0 means never
	AcceptPlaintext bool          // with Keys: take what is not encrypted too
	MaxSize         int           // bytes of a message as MessagePack or JSON, without channel names; 0 means any
	Random          io.Reader     // of initialisation vectors and prefixes; nil means good ones
	Now             func() time.Time
}

// Codec encodes and decodes messages. Its methods may be called concurrently.
type Codec struct {
	o    Options
	keys []*fernetKey
}

// New checks o and makes a Codec.
func New(o Options) (*Codec, error) {
	switch o.Format {
	case "":
		o.Format = FormatMsgpack
	case FormatMsgpack, FormatJSON:
	default:
		return nil, fmt.Errorf("the format %q is neither %q nor %q", o.Format, FormatMsgpack, FormatJSON)
	}
	switch {
	case o.TTL < 0:
		return nil, fmt.Errorf("the age of encrypted messages is negative: %v", o.TTL)
	case o.MaxSize < 0:
		return nil, fmt.Errorf("the largest size is negative: %d", o.MaxSize)
	case o.AcceptPlaintext && len(o.Keys) == 0:
		return nil, errors.New("plaintext can only be accepted beside encryption keys, and there are none")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Codec{o: o}
	for i, key := range o.Keys {
		if key == "" {
			return nil, fmt.Errorf("the encryption key %d is empty", i)
		}
		c.keys = append(c.keys, newFernetKey(key))
	}
	return c, nil
}

// Encode returns the bytes for a message. channels is nil, or the name or []string of names that the core layer adds.
// Without names, prefix and encryption the bytes may be the envelope's own: they must not be written.
//
// Bytes in a message are a [*layer.MessageError] in JSON, as in Python. A message beyond MaxSize is [layer.ErrTooLarge].
func (c *Codec) Encode(e layer.Envelope, channels any) ([]byte, error) {
	packed, err := e.Msgpack()
	if err != nil {
		return nil, err
	}
	prefix := max(c.o.RandomPrefix, 0)
	if c.keys == nil {
		return c.serialize(packed, prefix, channels)
	}
	payload, err := c.serialize(packed, 0, channels)
	if err != nil {
		return nil, err
	}
	var iv [ivSize]byte
	source := c.o.Random
	if source == nil {
		source = rand.Reader
	}
	if _, err := io.ReadFull(source, iv[:]); err != nil {
		return nil, err
	}
	dst, err := c.appendPrefix(make([]byte, 0, prefix+tokenSize(len(payload))), prefix)
	if err != nil {
		return nil, err
	}
	return c.keys[0].appendToken(dst, payload, c.o.Now(), iv), nil
}

// serialize returns prefix random bytes and the message.
func (c *Codec) serialize(packed []byte, prefix int, channels any) ([]byte, error) {
	names, err := namesSize(channels)
	if err != nil {
		return nil, err
	}
	if c.o.Format == FormatMsgpack {
		switch {
		case c.tooLarge(len(packed)):
			return nil, layer.ErrTooLarge
		case channels == nil && prefix == 0:
			return packed, nil
		}
		dst, err := c.appendPrefix(make([]byte, 0, prefix+len(packed)+len(channelKey)+16+names), prefix)
		switch {
		case err != nil:
			return nil, err
		case channels == nil:
			return append(dst, packed...), nil
		}
		return codec.AppendPackedPair(dst, packed, channelKey, channels), nil
	}
	return c.serializeJSON(packed, prefix, channels, names)
}

// serializeJSON is serialize for JSON. names is about how large the channel names are.
func (c *Codec) serializeJSON(packed []byte, prefix int, channels any, names int) ([]byte, error) {
	dst, err := c.appendPrefix(make([]byte, 0, prefix+len(packed)+len(packed)/2+len(channelKey)+16+names), prefix)
	if err != nil {
		return nil, err
	}
	dst, fault := codec.MsgpackToPythonJSON(dst, packed)
	switch {
	case fault != nil:
		return nil, refused(fault)
	case c.tooLarge(len(dst) - prefix):
		return nil, layer.ErrTooLarge
	}
	return appendJSONNames(dst, channels), nil
}

// appendJSONNames puts channel names into the JSON object that dst ends with.
func appendJSONNames(dst []byte, channels any) []byte {
	if channels == nil {
		return dst
	}
	dst = dst[:len(dst)-1]
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ", "...)
	}
	dst = append(dst, `"`+channelKey+`": `...)
	switch channels := channels.(type) {
	case string:
		dst = codec.AppendPythonText(dst, channels)
	case []string:
		dst = append(dst, '[')
		for i, name := range channels {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = codec.AppendPythonText(dst, name)
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

// namesSize is about how many bytes channel names take.
func namesSize(channels any) (int, error) {
	switch channels := channels.(type) {
	case nil:
		return 0, nil
	case string:
		return len(channels) + 8, nil
	case []string:
		size := 8
		for _, name := range channels {
			size += len(name) + 4
		}
		return size, nil
	}
	return 0, fmt.Errorf("channel names are a string or []string, not %T", channels)
}

func (c *Codec) tooLarge(size int) bool { return c.o.MaxSize > 0 && size > c.o.MaxSize }

// appendPrefix appends n random bytes. They keep equal messages apart in a sorted set, and are no secret.
func (c *Codec) appendPrefix(dst []byte, n int) ([]byte, error) {
	from := len(dst)
	dst = append(dst, make([]byte, n)...)
	if c.o.Random != nil {
		_, err := io.ReadFull(c.o.Random, dst[from:])
		return dst, err
	}
	for i := from; i < len(dst); i += 8 {
		r := mathrand.Uint64()
		for j := i; j < min(i+8, len(dst)); j++ {
			dst[j] = byte(r)
			r >>= 8
		}
	}
	return dst, nil
}

// Decode returns the message in b, and the channel names that the core layer added, nil if there are none. now is what
// the age of an encrypted message is counted to. The envelope keeps b, which must not be written again. Any b is safe;
// what is refused is an error that says why.
func (c *Codec) Decode(b []byte, now time.Time) (e layer.Envelope, channels []string, err error) {
	if prefix := c.o.RandomPrefix; prefix > 0 {
		if len(b) < prefix {
			return e, nil, fmt.Errorf("%d bytes are too short for the random prefix of %d", len(b), prefix)
		}
		b = b[prefix:]
	}
	if b, err = c.decrypt(b, now); err != nil {
		return e, nil, err
	}
	if len(b) == 0 {
		return e, nil, errors.New("the payload is empty")
	}
	if c.o.Format == FormatJSON {
		return c.decodeJSON(b)
	}
	return c.decodeMsgpack(b)
}

func (c *Codec) decrypt(b []byte, now time.Time) ([]byte, error) {
	token := bytes.HasPrefix(b, tokenStart)
	switch {
	case c.keys == nil && token:
		return nil, errors.New("the payload is encrypted, and there are no keys")
	case c.keys == nil, c.o.AcceptPlaintext && !token:
		return b, nil
	}
	return openToken(c.keys, b, now, c.o.TTL)
}
