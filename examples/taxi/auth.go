package main

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

type (
	tokenKey    struct{}
	identityKey struct{}
)

// tokenProtocol begins the subprotocol that is a token and no protocol. It is how a
// page gives one, as it can set no header.
const tokenProtocol = "token."

// takeToken moves a request's token from where the client may put it, the
// Authorization header, a subprotocol or the query, into the context. Nothing behind
// it can show the token by accident, as logs of requests do.
func takeToken(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var token string
		r = r.Clone(r.Context())

		// A query that cannot be read to its end may have a token in what is left.
		query, err := url.ParseQuery(r.URL.RawQuery)
		if query.Has("token") || err != nil {
			token = query.Get("token")
			query.Del("token")
			r.URL.RawQuery = query.Encode()
			r.RequestURI = (&url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}).String()
		}

		var offered []string
		for name := range strings.SplitSeq(strings.Join(r.Header.Values("Sec-WebSocket-Protocol"), ","), ",") {
			name = strings.TrimSpace(name)
			if given, ok := strings.CutPrefix(name, tokenProtocol); ok {
				token = given
			} else if name != "" {
				offered = append(offered, name)
			}
		}
		r.Header.Del("Sec-WebSocket-Protocol")
		if len(offered) > 0 {
			r.Header.Set("Sec-WebSocket-Protocol", strings.Join(offered, ", "))
		}

		if scheme, given, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
			token = strings.TrimSpace(given)
		}
		r.Header.Del("Authorization")

		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), tokenKey{}, token)))
	})
}

// authenticated lets those pass whom a token makes known, and tells all others why
// they may not. It stands behind takeToken.
func authenticated(accounts *Accounts, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := r.Context().Value(tokenKey{}).(string)
		if token == "" {
			w.Header().Set("WWW-Authenticate", "Bearer")
			answerError(w, r, &Problem{Code: codeUnauthorized, Message: "Log in first: there is no token with this request."})
			return
		}
		who, err := accounts.Identify(r.Context(), token)
		if err != nil {
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			answerError(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), identityKey{}, who)))
	})
}

// identityOf returns what authenticated has found out.
func identityOf(ctx context.Context) Identity {
	who, _ := ctx.Value(identityKey{}).(Identity)
	return who
}
