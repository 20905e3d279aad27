package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
)

// deny answers with the refusal that Connect asked for.
func (s *session) deny(w http.ResponseWriter, err error) {
	var denial *DenyError
	var panicked *PanicError
	var factory errFactory
	var join errJoin
	cause := err
	if cause == nil {
		cause = context.Canceled // Close before Accept
	}
	switch {
	case errors.As(err, &factory):
		s.opts.Logger.Log(s.ctx, s.notices.unusable.level(slog.LevelError), "consumer: no consumer for a connection", "error", err)
		s.refuse(refusedPanic, cause)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	case errors.As(err, &panicked):
		s.refuse(refusedPanic, cause)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	case isLayerError(err), errors.As(err, &join):
		if !isLayerError(err) { // else tell has logged it
			s.opts.Logger.Log(s.ctx, s.notices.unusable.level(slog.LevelError), "consumer: no channel or groups for a connection", "error", err)
		}
		s.refuse(refusedLayer, cause)
		unavailable(w)
	case errors.As(err, &denial):
		s.refuse(refusedConnect, cause)
		denial.write(w, s)
	default:
		s.refuse(refusedConnect, cause)
		http.Error(w, http.StatusText(http.StatusForbidden), http.StatusForbidden)
	}
}

func (e *DenyError) write(w http.ResponseWriter, s *session) {
	status := e.Status
	if status == 0 {
		status = http.StatusForbidden
	}
	err := checkHeader(e.Header)
	if status < 300 || status > 599 {
		err = fmt.Errorf("the status %d is not between 300 and 599", status)
	}
	if err != nil {
		s.opts.Logger.Error("consumer: DenyError can't be sent, refusing with 403", "error", err)
		http.Error(w, http.StatusText(http.StatusForbidden), http.StatusForbidden)
		return
	}
	body := e.Body
	h := w.Header()
	if body == nil {
		body = []byte(http.StatusText(status) + "\n")
		h.Set("Content-Type", "text/plain; charset=utf-8")
		h.Set("X-Content-Type-Options", "nosniff")
	}
	for name, values := range e.Header {
		h[http.CanonicalHeaderKey(name)] = values
	}
	w.WriteHeader(status)
	w.Write(body)
}
