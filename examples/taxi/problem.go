package main

import (
	"errors"
	"net/http"
)

// Problem is an error that its words may be told to whoever caused it, over HTTP and
// over a socket alike. All other errors are the program's own business.
type Problem struct {
	Code    string            `json:"code"`
	Message string            `json:"message"`
	Fields  map[string]string `json:"fields,omitempty"` // what is wrong with which field
}

// Error implements error.
func (p *Problem) Error() string { return p.Message }

// The codes of problems.
const (
	codeInvalid      = "invalid"      // the request makes no sense
	codeUnauthorized = "unauthorized" // nobody knows who asks
	codeForbidden    = "forbidden"    // it is known who asks, and he may not
	codeNotFound     = "not_found"    // there is no such thing, or not for him
	codeNotAllowed   = "not_allowed"  // there is, but this is not done with it
	codeTaken        = "taken"        // another driver was faster
	codeConflict     = "conflict"     // not in the state that the trip is in
	codeUnavailable  = "unavailable"  // our fault; trying again may help
)

var statuses = map[string]int{
	codeInvalid:      http.StatusBadRequest,
	codeUnauthorized: http.StatusUnauthorized,
	codeForbidden:    http.StatusForbidden,
	codeNotFound:     http.StatusNotFound,
	codeNotAllowed:   http.StatusMethodNotAllowed,
	codeTaken:        http.StatusConflict,
	codeConflict:     http.StatusConflict,
	codeUnavailable:  http.StatusServiceUnavailable,
}

// problemOf returns what may be told of err, and whether that is all there is to
// know: if not, err belongs in the log.
func problemOf(err error) (p *Problem, told bool) {
	if errors.As(err, &p) {
		return p, true
	}
	return &Problem{Code: codeUnavailable, Message: "Something went wrong here. Please try again."}, false
}

// faults collects what is wrong with a request's fields.
type faults map[string]string

// problem returns all that was collected, or nil.
func (f faults) problem() error {
	if len(f) == 0 {
		return nil
	}
	return &Problem{Code: codeInvalid, Message: "Please check what you entered.", Fields: f}
}
