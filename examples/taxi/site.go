package main

import (
	"log/slog"
	"net/http"
)

// Site is all that the program serves.
type Site struct {
	Store    *Store
	Accounts *Accounts
	Demo     bool         // visitors may be the demo users
	Log      *slog.Logger // gets every request; nil: none does
}

// Handler returns the site with its middleware.
func (s Site) Handler() http.Handler {
	mux := http.NewServeMux()
	(&api{s.Store, s.Accounts, s.Demo}).register(mux)
	return takeToken(s.logged(secured(mux)))
}

func (s Site) logged(next http.Handler) http.Handler {
	if s.Log == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.Log.Info("request", "method", r.Method, "uri", r.RequestURI, "remote", r.RemoteAddr, "header", r.Header)
		next.ServeHTTP(w, r)
	})
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
