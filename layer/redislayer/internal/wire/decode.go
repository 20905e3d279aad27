package wire

import (
	"bytes"
	"errors"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/layer/internal/codec"
)

// decodeMsgpack takes the channel names out and parses the rest strictly. What that refuses Python may still take, so
// it is read as Python reads it, and packed anew.
func (c *Codec) decodeMsgpack(b []byte) (layer.Envelope, []string, error) {
	if b[0] == '{' {
		return layer.Envelope{}, nil, errors.New("the payload looks like JSON: does the sender have another serializer_format?")
	}
	rest, names, fault := codec.CutMsgpack(b, channelKey)
	if fault != nil {
		return layer.Envelope{}, nil, refused(fault)
	}
	if c.tooLarge(len(rest)) {
		return layer.Envelope{}, nil, layer.ErrTooLarge
	}
	var channels []string
	if names != nil {
		if channels, fault = codec.UnpackTexts(names); fault != nil {
			return layer.Envelope{}, nil, refused(inNames(fault))
		}
	}
	e, err := layer.ParseMsgpack(rest)
	if err == nil {
		return e, channels, nil
	}
	v, fault := codec.LooseMsgpack(rest)
	if fault != nil {
		return layer.Envelope{}, nil, refused(fault)
	}
	e, err = c.repack(v)
	return e, channels, err
}

// decodeJSON does the same for JSON. The loose form is the whole payload again, for it may be in another encoding.
func (c *Codec) decodeJSON(b []byte) (layer.Envelope, []string, error) {
	if b[0]&0xf0 == 0x80 || b[0] == 0xde || b[0] == 0xdf {
		return layer.Envelope{}, nil, errors.New("the payload looks like MessagePack: does the sender have another serializer_format?")
	}
	rest, names := codec.CutJSON(b, channelKey)
	size := len(rest)
	if wide(b) {
		size /= 4 // up to so many bytes for one, and only the loose form knows its names
	}
	if c.tooLarge(size) {
		return layer.Envelope{}, nil, layer.ErrTooLarge
	}
	if e, err := layer.ParseJSON(rest); err == nil {
		if names == nil {
			return e, nil, nil
		}
		v, fault := codec.LooseJSON(names)
		if fault != nil {
			return layer.Envelope{}, nil, refused(inNames(fault))
		}
		channels, err := textsOf(v)
		if err != nil {
			return layer.Envelope{}, nil, err
		}
		return e, channels, nil
	}
	v, fault := codec.LooseJSON(b)
	if fault != nil {
		return layer.Envelope{}, nil, refused(fault)
	}
	var channels []string
	if m, ok := v.(map[string]any); ok {
		if names, ok := m[channelKey]; ok {
			var err error
			if channels, err = textsOf(names); err != nil {
				return layer.Envelope{}, nil, err
			}
			delete(m, channelKey)
		}
	}
	e, err := c.repack(v)
	return e, channels, err
}

// wide reports whether JSON is in UTF-16 or UTF-32: then there is a mark, or a zero among the first bytes.
func wide(b []byte) bool {
	marked := bytes.HasPrefix(b, []byte{0xff, 0xfe}) || bytes.HasPrefix(b, []byte{0xfe, 0xff})
	return marked || bytes.IndexByte(b[:min(4, len(b))], 0) >= 0
}

// repack makes an envelope of a value that was read loosely.
func (c *Codec) repack(v any) (layer.Envelope, error) {
	b, fault := codec.AppendMsgpack(nil, v)
	switch {
	case fault != nil:
		return layer.Envelope{}, refused(fault)
	case c.tooLarge(len(b)):
		return layer.Envelope{}, layer.ErrTooLarge
	}
	return layer.ParseMsgpack(b)
}

// textsOf returns the texts of a JSON value that is one text or a list of them.
func textsOf(v any) ([]string, error) {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	texts := make([]string, len(list))
	for i, v := range list {
		text, ok := v.(string)
		if !ok {
			return nil, &layer.MessageError{Path: "." + channelKey, Problem: "it is neither a string nor a list of strings"}
		}
		texts[i] = text
	}
	return texts, nil
}

func inNames(fault *codec.Error) *codec.Error {
	return &codec.Error{Path: "." + channelKey + fault.Path, Problem: fault.Problem}
}

func refused(fault *codec.Error) error {
	return &layer.MessageError{Path: fault.Path, Problem: fault.Problem}
}
