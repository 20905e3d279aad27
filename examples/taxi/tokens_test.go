package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gochannels/channels/testing/consumertest"
)

// A token may be in any of three places.
func TestTokenPlaces(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	ada := c.person("ada", Rider)
	for name, s := range map[string]*consumertest.WebsocketCommunicator{
		"query": consumertest.NewWebsocketCommunicator(t, c, "/taxi/?a=1&token="+ada.Access),
		"header": consumertest.NewWebsocketCommunicator(t, c, "/taxi/", &consumertest.Options{
			Header: http.Header{"Authorization": {"bearer " + ada.Access}},
		}),
		"subprotocol": consumertest.NewWebsocketCommunicator(t, c, "/taxi/", &consumertest.Options{
			Subprotocols: []string{"taxi", "token." + ada.Access},
		}),
	} {
		s.Connect()
		s.SendJSON(echo)
		s.ExpectJSON(echo)
		if name == "subprotocol" && s.Subprotocol() != "taxi" {
			t.Errorf("the subprotocol is %q, want taxi", s.Subprotocol())
		}
	}
}

func TestBadTokensAreRefusedAndToldWhy(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	ada, mei := c.person("ada", Rider), c.person("mei", Driver)
	who, err := c.accounts.Identify(t.Context(), ada.Access)
	if err != nil {
		t.Fatal(err)
	}
	signer := c.accounts.signer
	sign := func(kind, session string, u User, expires time.Time) string {
		token, err := signer.sign(kind, session, u, expires)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	soon := time.Now().Add(time.Hour)

	parts := strings.Split(ada.Access, ".")
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	promoted := encode(bytes.Replace(claims, []byte(`"group":"rider"`), []byte(`"group":"driver"`), 1))
	forged, err := newSigner([]byte("another key of thirty-two bytes!")).sign(accessToken, who.Session, ada.User, soon)
	if err != nil {
		t.Fatal(err)
	}
	with := func(method jwt.SigningMethod, change func(jwt.MapClaims)) string {
		all := jwt.MapClaims{}
		if err := json.Unmarshal(claims, &all); err != nil {
			t.Fatal(err)
		}
		change(all)
		token, err := jwt.NewWithClaims(method, all).SignedString(signer.key)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}

	gone := c.person("noor", Rider)
	if err := c.store.SetActive(t.Context(), "noor", false); err != nil {
		t.Fatal(err)
	}
	left := c.person("tomas", Driver)
	if w := c.do(http.MethodPost, "/api/log_out/", left.Access, nil); w.Code != http.StatusOK {
		t.Fatal(w.Body)
	}

	for name, bad := range map[string]struct{ token, reason string }{
		"none":                 {"", "Log in first"},
		"no token":             {"nonsense", "not valid"},
		"expired":              {sign(accessToken, who.Session, ada.User, time.Now().Add(-time.Second)), "expired"},
		"never expires":        {with(jwt.SigningMethodHS256, func(c jwt.MapClaims) { delete(c, "exp") }), "not valid"},
		"another key":          {forged, "not valid"},
		"other claims":         {parts[0] + "." + promoted + "." + parts[2], "not valid"},
		"alg none":             {encode([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + parts[1] + ".", "not valid"},
		"alg None":             {encode([]byte(`{"alg":"None","typ":"JWT"}`)) + "." + parts[1] + ".", "not valid"},
		"none, signed":         {encode([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + parts[1] + "." + parts[2], "not valid"},
		"another algorithm":    {with(jwt.SigningMethodHS512, func(jwt.MapClaims) {}), "not valid"},
		"no signature":         {parts[0] + "." + parts[1] + ".", "not valid"},
		"refresh token":        {ada.Refresh, "not of the kind"},
		"somebody's session":   {sign(accessToken, who.Session, mei.User, soon), "session was ended"},
		"no session":           {sign(accessToken, "made-up", ada.User, soon), "session was ended"},
		"a user kept out":      {gone.Access, "session was ended"},
		"logged out":           {left.Access, "session was ended"},
		"logged out, refresh":  {left.Refresh, "not of the kind"},
		"two tokens of one":    {ada.Access + "." + ada.Access, "not valid"},
		"quoted":               {`"` + ada.Access + `"`, "not valid"},
		"somebody else's body": {parts[0] + "." + strings.Split(mei.Access, ".")[1] + "." + parts[2], "not valid"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/taxi/", nil)
		q := r.URL.Query()
		q.Set("token", bad.token)
		res := consumertest.NewWebsocketCommunicator(t, c, "/taxi/?"+q.Encode()).ExpectRefused(http.StatusUnauthorized)
		var body struct{ Error Problem }
		if err := json.NewDecoder(res.Body).Decode(&body); err != nil || !strings.Contains(body.Error.Message, bad.reason) {
			t.Errorf("%s: refused with %+v, want %q (%v)", name, body, bad.reason, err)
		}
		if res.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: no WWW-Authenticate", name)
		}
	}
	if _, err := c.accounts.Refresh(t.Context(), left.Refresh); err == nil {
		t.Error("a session that was ended is refreshed")
	}
	if _, err := c.accounts.Refresh(t.Context(), ada.Access); err == nil {
		t.Error("an access token is a refresh token")
	}
}

func TestLogOutEndsTheSocketsOfThatSession(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	phone := c.person("ada", Rider)
	laptop := phone
	var err error
	if laptop.Tokens, err = c.accounts.LogIn(t.Context(), "ada", password); err != nil {
		t.Fatal(err)
	}
	one, two, other := c.connect(phone), c.connect(phone), c.connect(laptop)
	if w := c.do(http.MethodPost, "/api/log_out/", phone.Access, nil); w.Code != http.StatusOK {
		t.Fatal(w.Body)
	}
	one.ExpectClose(statusLoggedOut, "logged out")
	two.ExpectClose(statusLoggedOut, "logged out")
	settle(other)
	c.socket(phone).ExpectRefused(http.StatusUnauthorized)
}

// The middleware has let him in, and he logs out before his socket has joined.
func TestLogOutDuringTheHandshakeRefuses(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	ada := c.person("ada", Rider)
	who, err := c.accounts.Identify(t.Context(), ada.Access)
	if err != nil {
		t.Fatal(err)
	}
	late := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := c.store.EndSession(r.Context(), who.Session); err != nil {
			t.Error(err)
		}
		c.site.Taxi.ServeHTTP(w, r)
	})
	app := takeToken(authenticated(c.accounts, late))
	consumertest.NewWebsocketCommunicator(t, app, "/taxi/?token="+ada.Access).ExpectRefused(http.StatusUnauthorized)
}

// A token's end is the session's, whatever the client does, and a new token begins
// another one.
func TestExpiryEndsTheConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCity(t)
		ada := c.person("ada", Rider)
		s := c.connect(ada)
		time.Sleep(59 * time.Minute) // in the bubble
		s.SendJSON(echo)
		s.ExpectJSON(echo)
		time.Sleep(2 * time.Minute) // in the bubble
		s.ExpectClose(statusLoggedOut, "the token has expired")
		s.Disconnect()
		c.socket(ada).ExpectRefused(http.StatusUnauthorized)

		fresh, err := c.accounts.Refresh(t.Context(), ada.Refresh)
		if err != nil {
			t.Fatal(err)
		}
		ada.Access = fresh.Access
		s = c.connect(ada)
		settle(s)
		s.Disconnect()

		time.Sleep(24 * time.Hour) // in the bubble
		if _, err := c.accounts.Refresh(t.Context(), ada.Refresh); err == nil {
			t.Error("a session lasts longer than its day")
		}
	})
}

// Whatever place a token is in, and whatever goes wrong, no log shows it.
func TestTokensReachNoLog(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	var log bytes.Buffer
	c.site.Log = slog.New(slog.NewJSONHandler(&log, nil))
	c.Handler = c.site.Handler()
	ada := c.person("ada", Rider)
	for _, token := range []string{ada.Access, "wrong.wrong.wrong"} {
		for _, o := range []*consumertest.Options{
			nil,
			{Subprotocols: []string{"taxi", "token." + token}},
			{Header: http.Header{"Authorization": {"Bearer " + token}}},
		} {
			path := "/taxi/?who=ada"
			if o == nil {
				path += "&token=" + token
			}
			s := consumertest.NewWebsocketCommunicator(t, c, path, o)
			if token == ada.Access {
				s.Connect()
				s.SendJSON(map[string]any{"type": "update.trip", "id": "1", "data": map[string]any{"id": token}})
				hear(s)
				s.Disconnect()
			} else {
				s.ExpectRefused(http.StatusUnauthorized)
			}
		}
		for _, query := range []string{"token=%s", "token=%s;a=1", "token=%s%%zz", "a=1;token=%s&b=2"} {
			c.do(http.MethodGet, "/api/trip/?"+fmt.Sprintf(query, token), "", nil)
		}
		c.do(http.MethodGet, "/api/trip/", token, nil)
		if strings.Contains(log.String(), token) {
			t.Errorf("the log has a token:\n%s", log.String())
		}
	}
	if n := strings.Count(log.String(), `"uri":"/taxi/?who=ada"`); n != 6 {
		t.Errorf("the log has %d of 6 handshakes:\n%s", n, log.String())
	}
}
