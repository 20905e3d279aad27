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
	mux.HandleFunc("GET /api/demo/", a.demoUsers)
	mux.HandleFunc("GET "+photoPath+"{id}", a.photo)
}

// signUp takes JSON, or a form of several parts when there is a photo.
func (a *api) signUp(w http.ResponseWriter, r *http.Request) {
	var s SignUp
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "multipart/form-data" {
		photo, err := readForm(w, r)
		if err != nil {
			answerError(w, r, err)
			return
		}
		s = SignUp{
			r.FormValue("username"), r.FormValue("first_name"), r.FormValue("last_name"),
			r.FormValue("password1"), r.FormValue("password2"), r.FormValue("group"), photo,
		}
	} else if err := readJSON(w, r, &s); err != nil {
		answerError(w, r, err)
		return
	}
	user, err := a.accounts.SignUp(r.Context(), s)
	answer(w, r, http.StatusCreated, user, err)
}

func (a *api) logIn(w http.ResponseWriter, r *http.Request) {
	var in struct{ Username, Password string }
	if err := readJSON(w, r, &in); err != nil {
		answerError(w, r, err)
		return
	}
	tokens, err := a.accounts.LogIn(r.Context(), in.Username, in.Password)
	answer(w, r, http.StatusOK, tokens, err)
}

func (a *api) refresh(w http.ResponseWriter, r *http.Request) {
	var in struct{ Refresh string }
	if err := readJSON(w, r, &in); err != nil {
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
	answer(w, r, http.StatusOK, map[string]any{"password": DemoPassword, "users": a.demoList()}, nil)
}

func (a *api) demoList() []User {
	if !a.demo {
		return []User{}
	}
	return Demo
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

// readForm parses a form of several parts and returns its photo, nil if it has none.
func readForm(w http.ResponseWriter, r *http.Request) (*Photo, error) {
	r.Body = http.MaxBytesReader(w, r.Body, photoBytes+bodyBytes)
	file, _, err := r.FormFile("photo")
	if errors.Is(err, http.ErrMissingFile) {
		return nil, nil
	}
	if err != nil {
		return nil, &Problem{Code: codeInvalid, Message: "The form cannot be read, or is larger than 2 MiB."}
	}
	defer file.Close()
	defer r.MultipartForm.RemoveAll()
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

func readJSON(w http.ResponseWriter, r *http.Request, v any) error {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyBytes)).Decode(v); err != nil {
		return &Problem{Code: codeInvalid, Message: "The request is not the JSON object that it should be."}
	}
	return nil
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
