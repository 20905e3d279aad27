package main

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
)

// Reply is what a client is sent: "echo.message" with a trip, "error" with what is
// wrong with a request, or "gap". Answers have the ID of their request.
type Reply struct {
	Type  string          `json:"type"`
	ID    json.RawMessage `json:"id,omitempty"`
	Data  any             `json:"data,omitempty"`
	Error *Problem        `json:"error,omitempty"`
}

// TripChanged is "trip.changed" on the layer.
type TripChanged struct {
	Trip Trip `json:"trip"`
}

// SessionEnded is "session.ended" on the layer.
type SessionEnded struct {
	Session string `json:"session"`
}

// Echo is "echo.message" from a client.
type Echo struct {
	ID   json.RawMessage `json:"id"`
	Data json.RawMessage `json:"data"`
}

// TripRequest is "create.trip" and "update.trip" from a client. Decoding it keeps what
// is wrong with its data for the answer: a message that fails to decode has none.
type TripRequest struct {
	ID    json.RawMessage
	data  Change
	fault error
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *TripRequest) UnmarshalJSON(text []byte) error {
	var parts struct{ ID, Data json.RawMessage }
	r.fault = json.Unmarshal(text, &parts)
	r.ID = requestID(parts.ID)
	if r.fault == nil && parts.Data == nil {
		r.fault = errors.New("no data")
	}
	if r.fault == nil {
		r.fault = json.Unmarshal(parts.Data, &r.data)
	}
	return nil
}

// Change returns what is wanted of an update, or the Problem with it.
func (r TripRequest) Change() (Change, error) {
	if mistyped, ok := errors.AsType[*json.UnmarshalTypeError](r.fault); ok && mistyped.Field != "" {
		return r.data, faults{mistyped.Field: "This is not of the right type."}.problem()
	}
	if r.fault != nil {
		return r.data, &Problem{Code: codeInvalid, Message: "The request has no data that can be read."}
	}
	return r.data.Check()
}

// New returns what is wanted of a new trip, or the Problem with it.
func (r TripRequest) New() (Change, error) {
	empty := ""
	if r.data.PickUp == nil {
		r.data.PickUp = &empty
	}
	if r.data.DropOff == nil {
		r.data.DropOff = &empty
	}
	return r.Change()
}

// requestID returns the id of a request as its answer repeats it: a string or a
// number of reasonable length, or nothing.
func requestID(id any) json.RawMessage {
	text, err := json.Marshal(id)
	if err != nil || len(text) > 100 || bytes.ContainsAny(text[:1], "{[") || string(text) == "null" {
		return nil
	}
	return text
}

// denied is what Connect refuses a client with for an error of its own.
func denied(err error) error {
	if errors.Is(err, layer.ErrUnavailable) || errors.Is(err, layer.ErrOutcomeUnknown) {
		return err // 503, by the handler
	}
	status, body := errorBody(err)
	return &consumer.DenyError{Status: status, Header: map[string][]string{"Content-Type": {"application/json"}}, Body: body}
}
