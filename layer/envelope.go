package layer

import (
	"encoding/json"
	"time"

	"github.com/gochannels/channels/layer/internal/codec"
)

// Envelope is a message encoded once for all its receivers. It is one pointer to what never changes, so it is copied
// and shared freely. The zero Envelope holds no message.
type Envelope struct {
	p *envelope
}

type envelope struct {
	typ   string
	raw   []byte // JSON, or MessagePack if packed
	at    int64  // when it was made
	memos memos
	// packed messages may hold bytes, NaN and infinities, which JSON has no form for.
	packed bool
}

// started is what message ages are counted from.
var started = time.Now()

func now() int64 { return int64(time.Since(started)) }

// Encode encodes msg. Its type must be a non-empty string of at most 100 bytes of printable ASCII. Values nest up to 64
// levels deep; the key "__asgi_channel__" is reserved, and so is "type" in other case. Structs, and what implements
// [json.Marshaler] or [encoding.TextMarshaler], are encoded by encoding/json. All else, such as chan, func, cycles and
// strings that are not UTF-8, fails with a [*MessageError] that names the place.
func Encode(msg Message) (Envelope, error) {
	if err := msg.check(); err != nil {
		return Envelope{}, err
	}
	raw, err := codec.EncodeJSON(map[string]any(msg))
	packed := raw == nil && err == nil
	if packed {
		raw, err = codec.AppendMsgpack(nil, map[string]any(msg))
	}
	if err != nil {
		return Envelope{}, messageError(err)
	}
	typ := msg.Type()
	if typ == "" { // a string type of the user's
		typ = codec.TypeOf(msg[codec.TypeKey])
	}
	return seal(typ, raw, packed), nil
}

// ParseJSON makes an envelope of a JSON object, which it keeps: b must not be written again. The JSON is taken
// strictly: UTF-8, no key twice, nothing after the object, at most 64 levels, numbers that fit 64 bits, no key that is
// "type" in other case. The type must be a string, but may be missing. Faults are a [*MessageError].
func ParseJSON(b []byte) (Envelope, error) {
	typ, err := codec.ScanJSON(b)
	if err != nil {
		return Envelope{}, messageError(err)
	}
	return seal(typ, b, false), nil
}

// ParseMsgpack makes an envelope of a MessagePack map, which it keeps: b must not be written again. Keys must be
// strings and not be there twice, strings UTF-8, at most 64 levels; extension types are refused. The type must be
// a string, but may be missing. Faults are a [*MessageError].
func ParseMsgpack(b []byte) (Envelope, error) {
	typ, err := codec.ScanMsgpack(b)
	if err != nil {
		return Envelope{}, messageError(err)
	}
	return seal(typ, b, true), nil
}

func seal(typ string, raw []byte, packed bool) Envelope {
	return Envelope{&envelope{typ: typ, raw: raw, packed: packed, at: now()}}
}

func messageError(err *codec.Error) error {
	return &MessageError{Path: err.Path, Problem: err.Problem}
}

// Type returns the message's type, "" if it has none.
func (e Envelope) Type() string {
	if e.p == nil {
		return ""
	}
	return e.p.typ
}

// IsZero reports whether e holds no message.
func (e Envelope) IsZero() bool { return e.p == nil }

// Size returns how many bytes the encoded message has.
func (e Envelope) Size() int {
	if e.p == nil {
		return 0
	}
	return len(e.p.raw)
}

// JSON returns the message as JSON. Bytes are base64; NaN and infinities are a [*MessageError]. The slice is made at most
// once and shared by all: it must not be modified.
func (e Envelope) JSON() ([]byte, error) {
	if e.p == nil {
		return nil, errZero
	}
	if !e.p.packed {
		return e.p.raw, nil
	}
	f := e.Memo(jsonForm, e.p.makeJSON).(*form)
	return f.b, f.err
}

// Msgpack returns the message as MessagePack. The slice is made at most once and shared by all: it must not be modified.
func (e Envelope) Msgpack() ([]byte, error) {
	if e.p == nil {
		return nil, errZero
	}
	if e.p.packed {
		return e.p.raw, nil
	}
	f := e.Memo(msgpackForm, e.p.makeMsgpack).(*form)
	return f.b, f.err
}

var errZero = &MessageError{Problem: "there is none"}

// form is the message in the encoding that is not its own.
type form struct {
	b   []byte
	err error
}

type formKey byte

// The keys are of an interface type, so that passing them allocates nothing.
var jsonForm, msgpackForm any = formKey(0), formKey(1)

func (p *envelope) makeJSON() any {
	b, err := codec.MsgpackToJSON(make([]byte, 0, len(p.raw)+len(p.raw)/4), p.raw)
	if err != nil {
		return &form{err: messageError(err)}
	}
	return &form{b: b}
}

func (p *envelope) makeMsgpack() any {
	return &form{b: codec.JSONToMsgpack(make([]byte, 0, len(p.raw)), p.raw)}
}

// Message decodes the message. The map is the caller's own.
func (e Envelope) Message() (Message, error) {
	if e.p == nil {
		return nil, errZero
	}
	if e.p.packed {
		return codec.DecodeMsgpack(e.p.raw).(map[string]any), nil
	}
	return codec.DecodeJSON(e.p.raw).(map[string]any), nil
}

// Decode decodes the message into v, a pointer to a struct, as encoding/json decodes what JSON returns. Strings, numbers,
// booleans and structs of them cost a fraction of what they cost there; its strings may share the message's bytes.
func (e Envelope) Decode(v any) error {
	b, err := e.JSON()
	if err != nil {
		return err
	}
	if codec.DecodeInto(b, v) {
		return nil
	}
	return json.Unmarshal(b, v)
}

// MarshalJSON returns what JSON does.
func (e Envelope) MarshalJSON() ([]byte, error) { return e.JSON() }

// AppendJSON appends v to dst as [Encode] writes values into JSON: keys sorted, no HTML escaping, floats with a '.' or
// exponent, bytes as base64. v may be anything that a message may hold; faults are a [*MessageError].
func AppendJSON(dst []byte, v any) ([]byte, error) {
	switch m := v.(type) {
	case Message:
		v = map[string]any(m)
	case Envelope:
		b, err := m.JSON()
		return append(dst, b...), err
	}
	b, err := codec.AppendJSON(dst, v)
	if err != nil {
		return b, messageError(err)
	}
	return b, nil
}
