package layertest_test

import (
	"math"
	"reflect"
	"strings"

	"github.com/gochannels/channels/layer"
)

// encoded keeps the map alive, so that its address stays its own.
type encoded struct {
	msg layer.Message
	e   layer.Envelope
}

// encode encodes msg, after what a defect does to it.
func (l *model) encode(msg layer.Message) (layer.Envelope, error) {
	if l.defect == "encodings are cached by the map's identity" && msg.Type() != "" {
		return l.encodeOnce(msg)
	}
	changed := make(layer.Message, len(msg))
	for k, v := range msg {
		changed[k] = l.change(k, v)
	}
	if msg == nil {
		changed = nil
	}
	e, err := layer.Encode(changed)
	if err == nil && l.defect == "64 KiB is the limit" && e.Size() > 64<<10 {
		return e, layer.ErrTooLarge
	}
	return e, err
}

func (l *model) change(key string, v any) any {
	switch v := v.(type) {
	case string:
		if key == "type" && l.defect == "a type's dots become underscores" {
			return strings.ReplaceAll(v, "chat.", "chat_")
		}
	case float64:
		switch {
		case l.defect == "whole floats become integers" && v == math.Trunc(v) && math.Abs(v) < 1<<53:
			return int64(v)
		case l.defect == "NaN becomes nil" && math.IsNaN(v):
			return nil
		}
	case int64:
		if l.defect == "integers pass through float64" {
			return int64(float64(v))
		}
	case []byte:
		if key == "value" && l.defect == "bytes become text" {
			return strings.ToValidUTF8(string(v), "?")
		}
	case []any:
		if key == "to" && l.defect == "a key is lost" {
			return nil
		}
	}
	return v
}

// encodeOnce takes a map for the message it held when it was first seen.
func (l *model) encodeOnce(msg layer.Message) (layer.Envelope, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := reflect.ValueOf(msg).Pointer()
	if known, ok := l.encoded[key]; ok {
		return known.e, nil
	}
	e, err := layer.Encode(msg)
	if err == nil {
		l.encoded[key] = encoded{msg, e}
	}
	return e, err
}
