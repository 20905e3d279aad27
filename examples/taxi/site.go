package main

import (
	"embed"
	"io/fs"
	"log/slog"
	"net/http"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/layer"
)

//go:embed pages
var pages embed.FS

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
	static, err := fs.Sub(pages, "pages")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	mux := http.NewServeMux()
	mux.Handle("GET /taxi/", authenticated(s.Accounts, s.Taxi))
	(&api{s.Layer, s.Store, s.Accounts, s.Demo}).register(mux)
	mux.Handle("GET /healthz", consumer.ReadyHandler(s.Taxi))
	mux.Handle("GET /static/{file}", http.FileServerFS(static))
	for path, file := range map[string]string{"/{$}": "pages/index.html", "/rider/": "pages/rider.html", "/driver/": "pages/driver.html"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "no-cache")
			http.ServeFileFS(w, r, pages, file)
		})
	}
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
