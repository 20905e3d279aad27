package main

import (
	"log/slog"
	"net/http"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
)

// Site is all that the program serves.
type Site struct {
	Layer    layer.ChannelLayer
	Store    *Store
	Accounts *Accounts
	Taxi     *consumer.Handler
	Demo     bool         // visitors may be the demo users
	Log      *slog.Logger // gets every request; nil: none does
}

// Handler returns the site with its middleware.
func (s Site) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /taxi/", authenticated(s.Accounts, s.Taxi))
	(&api{s.Layer, s.Store, s.Accounts, s.Demo}).register(mux)
	mux.Handle("GET /healthz", consumer.ReadyHandler(s.Taxi))
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
