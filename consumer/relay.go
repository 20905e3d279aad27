package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/gochannels/channels/consumer/internal/transport"
	"github.com/gochannels/channels/layer"
)

// Relay says what a client is sent for a layer message of some type, made once
// for all receivers: see Options.Relay. A relayed message keeps its place among
// the handled ones.
type Relay struct {
	key  string
	form relayForm
}

type relayForm byte

const (
	asMessage relayForm = iota
	asJSON
	asText
	asBinary
)

// RelayMessage sends the whole message as JSON.
func RelayMessage() Relay { return Relay{} }

// RelayKey sends the value under key as JSON.
//
// A message without the key, or for RelayText and RelayBinary without a string
// or bytes there, is dropped: counted as undecodable for each client, and logged.
func RelayKey(key string) Relay { return Relay{key: key, form: asJSON} }

// RelayText sends the string under key verbatim: what a Django handler does
// with send(text_data=event["message"]).
func RelayText(key string) Relay { return Relay{key: key, form: asText} }

// RelayBinary sends the bytes under key verbatim, as a binary frame: what a
// Django handler does with send(bytes_data=event["data"]).
func RelayBinary(key string) Relay { return Relay{key: key, form: asBinary} }

// relayed is what a message became. frame is nil if it can't be sent.
type relayed struct{ frame *transport.Frame }

// relayOf returns what e is relayed as, or nil if its type is not relayed. All
// receivers share it.
func (h *Handler) relayOf(e layer.Envelope) *relayed {
	r, _ := e.Memo(h, func() any {
		relay, ok := h.relays[canonical(e.Type())]
		if !ok {
			return (*relayed)(nil)
		}
		frame, err := relay.frame(e)
		if err != nil {
			h.opts.Logger.Log(context.Background(), h.notices.relay.level(slog.LevelError), "consumer: message can't be relayed", "type", cut(e.Type()), "error", err)
		}
		return &relayed{frame}
	}).(*relayed)
	return r
}

func (r Relay) frame(e layer.Envelope) (*transport.Frame, error) {
	if r.form == asMessage {
		return jsonFrame(e)
	}
	msg, err := e.Message()
	if err != nil {
		return nil, err
	}
	v, ok := msg[r.key]
	if !ok {
		return nil, fmt.Errorf("the message has no key %q", r.key)
	}
	switch r.form {
	case asText:
		text, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("the value of %q is a %T, not a string", r.key, v)
		}
		return transport.NewFrame(false, []byte(text)), nil
	case asBinary:
		b, ok := v.([]byte)
		if !ok {
			return nil, fmt.Errorf("the value of %q is a %T, not bytes", r.key, v)
		}
		return transport.NewFrame(true, b), nil
	}
	return transport.BuildFrame(false, 0, func(b []byte) ([]byte, error) { return layer.AppendJSON(b, v) })
}

type jsonFrameKey struct{}

// jsonFrame returns the message's JSON as a frame, made once for all senders.
func jsonFrame(e layer.Envelope) (*transport.Frame, error) {
	f, _ := e.Memo(jsonFrameKey{}, func() any {
		b, err := e.JSON()
		if err != nil {
			return (*transport.Frame)(nil)
		}
		return transport.NewFrame(false, b)
	}).(*transport.Frame)
	if f == nil {
		if _, err := e.JSON(); err != nil {
			return nil, err
		}
		return nil, errors.New("the message has no JSON")
	}
	return f, nil
}

func (h *Handler) addRelays(relays map[string]Relay) error {
	var faults []error
	h.relays = make(map[string]Relay, len(relays))
	for typ, r := range relays {
		if err := checkType(typ); err != nil {
			faults = append(faults, fmt.Errorf("consumer: Options.Relay: %w", err))
		}
		name := canonical(typ)
		if _, ok := h.relays[name]; ok {
			faults = append(faults, fmt.Errorf("consumer: Options.Relay: %.60q is there twice: '_' is as '.'", typ))
		}
		if p := h.plan; p != nil && p.handlers[name] != nil && !p.handlers[name].fromClient {
			faults = append(faults, fmt.Errorf("consumer: Options.Relay: %.60q is relayed, so its handler would never run", typ))
		}
		if r.form != asMessage && r.key == "" {
			faults = append(faults, fmt.Errorf("consumer: Options.Relay: the key of %.60q is empty", typ))
		}
		h.relays[name] = r
	}
	return errors.Join(faults...)
}

// cut shortens what is logged.
func cut(s string) string {
	const most = 60
	if len(s) > most {
		return s[:most]
	}
	return s
}
