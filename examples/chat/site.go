package main

import (
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"strings"

	"github.com/gochannels/channels/consumer"
)

//go:embed pages
var pages embed.FS

var templates = template.Must(template.ParseFS(pages, "pages/*.html"))

// openShown is how many rooms the index page lists.
const openShown = 12

// NewSite returns everything that the program serves.
func NewSite(chat *consumer.Handler, rooms *Rooms) http.Handler {
	static, err := fs.Sub(pages, "pages")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	s := &site{rooms: rooms}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.index)
	mux.HandleFunc("GET /room/{room}", s.room)
	mux.Handle("GET /room/{room}/ws", chat)
	mux.Handle("GET /static/{file}", http.FileServerFS(static))
	mux.Handle("GET /healthz", consumer.ReadyHandler(chat))
	return secured(mux)
}

type site struct {
	rooms *Rooms
}

// index lets a visitor choose a room, and leads to the one that was chosen.
func (s *site) index(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimSpace(r.URL.Query().Get("room"))
	if ValidRoom(name) {
		http.Redirect(w, r, "/room/"+url.PathEscape(name), http.StatusSeeOther)
		return
	}
	s.choose(w, http.StatusOK, name)
}

func (s *site) room(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("room")
	if !ValidRoom(name) {
		s.choose(w, http.StatusNotFound, name)
		return
	}
	render(w, http.StatusOK, "room.html", name)
}

func (s *site) choose(w http.ResponseWriter, status int, refused string) {
	open := s.rooms.Open()
	render(w, status, "index.html", struct {
		Refused string
		Open    []Open
	}{refused, open[:min(len(open), openShown)]})
}

func render(w http.ResponseWriter, status int, name string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// An error here is a visitor who has gone.
	_ = templates.ExecuteTemplate(w, name, data)
}

// secured lets the pages load and reach nothing but this server.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}
