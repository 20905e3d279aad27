package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"

	"github.com/gochannels/channels/layer"
)

const (
	photoPath  = "/photo/"
	photoBytes = 2 << 20
	bodyBytes  = 64 << 10
)

// api is what is done by plain HTTP requests.
type api struct {
	layer    layer.ChannelLayer
	store    *Store
	accounts *Accounts
	demo     bool
}

func (a *api) register(mux *http.ServeMux) {
	mux.HandleFunc("POST /api/sign_up/", a.signUp)
	mux.HandleFunc("POST /api/log_in/", a.logIn)
	mux.HandleFunc("POST /api/token/refresh/", a.refresh)
	mux.Handle("POST /api/log_out/", authenticated(a.accounts, http.HandlerFunc(a.logOut)))
	mux.Handle("GET /api/trip/{$}", authenticated(a.accounts, http.HandlerFunc(a.trips)))
	mux.Handle("GET /api/trip/{id}/", authenticated(a.accounts, http.HandlerFunc(a.trip)))
	if a.demo {
		mux.HandleFunc("GET /api/demo/", a.demoUsers)
	}
	mux.HandleFunc("GET "+photoPath+"{id}", a.photo)
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) { unknown(mux, w, r) })
}

// signUp takes a photo too, from a form of several parts.
func (a *api) signUp(w http.ResponseWriter, r *http.Request) {
	var s SignUp
	err := read(w, r, &s)
	if err == nil {
		s.Photo, err = photoOf(r)
	}
	if err != nil {
		answerError(w, r, err)
		return
	}
	user, err := a.accounts.SignUp(r.Context(), s)
	answer(w, r, http.StatusCreated, user, err)
}

func (a *api) logIn(w http.ResponseWriter, r *http.Request) {
	var in struct{ Username, Password string }
	if err := read(w, r, &in); err != nil {
		answerError(w, r, err)
		return
	}
	tokens, err := a.accounts.LogIn(r.Context(), in.Username, in.Password)
	answer(w, r, http.StatusOK, tokens, err)
}

func (a *api) refresh(w http.ResponseWriter, r *http.Request) {
	var in struct{ Refresh string }
	if err := read(w, r, &in); err != nil {
		answerError(w, r, err)
		return
	}
	tokens, err := a.accounts.Refresh(r.Context(), in.Refresh)
	answer(w, r, http.StatusOK, tokens, err)
}

// logOut ends the session, and with it its sockets, whichever process has them.
func (a *api) logOut(w http.ResponseWriter, r *http.Request) {
	who := identityOf(r.Context())
	err := a.store.EndSession(r.Context(), who.Session)
	if err == nil {
		err = a.layer.GroupSend(r.Context(), userGroup(who.User.ID), layer.Message{"type": "session.ended", "session": who.Session})
	}
	answer(w, r, http.StatusOK, struct{}{}, err)
}

func (a *api) trips(w http.ResponseWriter, r *http.Request) {
	trips, err := a.store.Trips(r.Context(), identityOf(r.Context()).User)
	answer(w, r, http.StatusOK, trips, err)
}

func (a *api) trip(w http.ResponseWriter, r *http.Request) {
	trip, err := a.store.FindTrip(r.Context(), identityOf(r.Context()).User, r.PathValue("id"))
	answer(w, r, http.StatusOK, trip, err)
}

// demoUsers are whom a visitor may be by one click.
func (a *api) demoUsers(w http.ResponseWriter, r *http.Request) {
	answer(w, r, http.StatusOK, map[string]any{"password": DemoPassword, "users": Demo}, nil)
}

func (a *api) photo(w http.ResponseWriter, r *http.Request) {
	photo, err := a.store.FindPhoto(r.Context(), r.PathValue("id"))
	if errors.Is(err, sql.ErrNoRows) {
		err = &Problem{Code: codeNotFound, Message: "There is no such photo."}
	}
	if err != nil {
		answerError(w, r, err)
		return
	}
	w.Header().Set("Content-Type", photo.Type)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(photo.Data) // an error is a visitor who has gone
}

// unknown answers what no other pattern of the API takes, in the API's own way.
func unknown(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	problem := &Problem{Code: codeNotFound, Message: "There is nothing here."}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		if _, pattern := mux.Handler(&http.Request{Method: method, Host: r.Host, URL: r.URL}); pattern != "/api/" {
			w.Header().Set("Allow", method)
			problem = &Problem{Code: codeNotAllowed, Message: "This is done by " + method + "."}
		}
	}
	answerError(w, r, problem)
}

// read fills v with what a request says, in JSON or in a form.
func read(w http.ResponseWriter, r *http.Request, v any) error {
	switch kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind {
	case "multipart/form-data", "application/x-www-form-urlencoded":
		return readForm(w, r, v)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyBytes))
	if err == nil {
		err = json.Unmarshal(body, v)
	}
	if err != nil {
		return &Problem{Code: codeInvalid, Message: "The request is not the JSON object that it should be."}
	}
	return nil
}

// readForm fills v with a form's fields, all of which are strings.
func readForm(w http.ResponseWriter, r *http.Request, v any) error {
	const limit = photoBytes + bodyBytes // and all of it stays in memory
	r.Body = http.MaxBytesReader(w, r.Body, limit)
	if err := r.ParseMultipartForm(limit); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return &Problem{Code: codeInvalid, Message: "The form cannot be read, or is larger than 2 MiB."}
	}
	fields := make(map[string]string)
	for name := range r.PostForm {
		fields[name] = r.PostForm.Get(name)
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, v)
}

// photoOf returns the photo in a form that was read, nil if there is none.
func photoOf(r *http.Request) (*Photo, error) {
	file, _, err := r.FormFile("photo")
	if errors.Is(err, http.ErrMissingFile) || errors.Is(err, http.ErrNotMultipart) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil {
		return nil, err
	}
	// By what it is, not by what it is called; and nothing that could hold a script.
	switch kind := http.DetectContentType(data); kind {
	case "image/png", "image/jpeg", "image/gif", "image/webp":
		return &Photo{kind, data}, nil
	}
	return nil, faults{"photo": "A photo is a PNG, JPEG, GIF or WebP."}.problem()
}

func answer(w http.ResponseWriter, r *http.Request, status int, v any, err error) {
	if err != nil {
		answerError(w, r, err)
		return
	}
	body, err := json.Marshal(v)
	if err != nil {
		answerError(w, r, err)
		return
	}
	write(w, status, body)
}

func answerError(w http.ResponseWriter, r *http.Request, err error) {
	if _, told := problemOf(err); !told && !errors.Is(err, context.Canceled) {
		slog.Error("taxi: request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	status, body := errorBody(err)
	write(w, status, body)
}

// errorBody returns how an HTTP request is answered that failed.
func errorBody(err error) (status int, body []byte) {
	p, _ := problemOf(err)
	body, _ = json.Marshal(map[string]*Problem{"error": p}) // strings alone: it never fails
	return statuses[p.Code], body
}

func write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // an error is a client who has gone
}
