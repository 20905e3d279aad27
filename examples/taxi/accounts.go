package main

import (
	"context"
	"database/sql"
	"errors"
	"runtime"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/bcrypt"
)

// Accounts signs people up and in, and knows by a token who somebody is.
type Accounts struct {
	store   *Store
	signer  *signer
	access  time.Duration // how long an access token lives
	refresh time.Duration // how long a session lives
	cost    int           // of bcrypt
	hashing chan struct{} // held by who computes a hash
	nobody  []byte        // a hash to compare with where there is no user
}

// AccountsOptions are how long things last and what they cost. Zero fields mean the
// values in the comments.
type AccountsOptions struct {
	Access  time.Duration // 60 minutes
	Refresh time.Duration // 1 day
	Cost    int           // bcrypt.DefaultCost
}

// Identity is who somebody is, by which session, and until when that is known.
type Identity struct {
	User    User
	Session string
	Expires time.Time
}

// SignUp is what whoever wants an account fills in.
type SignUp struct {
	Username  string `json:"username"`
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
	Password1 string `json:"password1"`
	Password2 string `json:"password2"`
	Group     string `json:"group"`
	Photo     *Photo `json:"-"`
}

// NewAccounts returns the accounts in a store.
func NewAccounts(ctx context.Context, store *Store, o AccountsOptions) (*Accounts, error) {
	key, err := store.Key(ctx)
	if err != nil {
		return nil, err
	}
	a := &Accounts{store: store, signer: newSigner(key), access: time.Hour, refresh: 24 * time.Hour, cost: bcrypt.DefaultCost}
	if o.Access > 0 {
		a.access = o.Access
	}
	if o.Refresh > 0 {
		a.refresh = o.Refresh
	}
	if o.Cost > 0 {
		a.cost = o.Cost
	}
	// A rush of log-ins leaves cores for those who have logged in.
	a.hashing = make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))
	a.nobody, err = bcrypt.GenerateFromPassword([]byte("nobody"), a.cost)
	return a, err
}

// SignUp makes an account.
func (a *Accounts) SignUp(ctx context.Context, s SignUp) (User, error) {
	s, err := s.check()
	if err != nil {
		return User{}, err
	}
	hash, err := a.hash(ctx, s.Password1)
	if err != nil {
		return User{}, err
	}
	u := User{Username: s.Username, FirstName: s.FirstName, LastName: s.LastName, Group: s.Group}
	return a.store.AddUser(ctx, u, hash, s.Photo, false)
}

// check returns s with its names trimmed, or the Problem with what was filled in.
func (s SignUp) check() (SignUp, error) {
	f := faults{}
	s.Username = strings.TrimSpace(s.Username)
	switch {
	case s.Username == "":
		f["username"] = "Choose a user name."
	case utf8.RuneCountInString(s.Username) > 40 || strings.ContainsFunc(s.Username, notForNames):
		f["username"] = "A user name has up to 40 letters, digits, and the signs @ . + - _"
	}
	s.FirstName, s.LastName = f.name("first_name", s.FirstName), f.name("last_name", s.LastName)
	switch {
	case utf8.RuneCountInString(s.Password1) < 8:
		f["password1"] = "A password has at least 8 characters."
	case ambiguous(s.Password1):
		f["password1"] = "A password has at most 72 bytes, none of them zero."
	case s.Password1 != s.Password2:
		f["password2"] = "Passwords must match."
	}
	if s.Group != Rider && s.Group != Driver {
		f["group"] = "Are you a rider or a driver?"
	}
	return s, f.problem()
}

func (f faults) name(field, name string) string {
	name, visible := oneLine(name)
	if utf8.RuneCountInString(name) > 60 || !visible {
		f[field] = "A name has up to 60 visible characters."
	}
	return name
}

// ambiguous reports whether bcrypt cannot tell the password from some other one: it
// looks at 72 bytes, and fills those that are left with a zero and the password again.
func ambiguous(password string) bool {
	return len(password) > 72 || strings.ContainsRune(password, 0)
}

func notForNames(c rune) bool {
	return !unicode.In(c, unicode.L, unicode.M, unicode.Nd) && !strings.ContainsRune("@.+-_", c)
}

var errWrongPassword = &Problem{Code: codeUnauthorized, Message: "No account has this name and password."}

// LogIn returns the tokens of a new session.
func (a *Accounts) LogIn(ctx context.Context, username, password string) (Tokens, error) {
	if ambiguous(password) {
		return Tokens{}, errWrongPassword
	}
	u, hash, err := a.store.Password(ctx, strings.TrimSpace(username))
	unknown := errors.Is(err, sql.ErrNoRows)
	if unknown {
		hash = a.nobody // takes as long, so that nobody learns which names exist
	} else if err != nil {
		return Tokens{}, err
	}
	err = a.compute(ctx, func() error { return bcrypt.CompareHashAndPassword(hash, []byte(password)) })
	if ctx.Err() != nil {
		return Tokens{}, ctx.Err()
	}
	if err != nil || unknown {
		return Tokens{}, errWrongPassword
	}
	return a.open(ctx, u)
}

// open begins a session of a user.
func (a *Accounts) open(ctx context.Context, u User) (Tokens, error) {
	session, expires := newID(), time.Now().Add(a.refresh)
	if err := a.store.AddSession(ctx, session, u.ID, expires); err != nil {
		return Tokens{}, err
	}
	refresh, err := a.signer.sign(refreshToken, session, u, expires)
	if err != nil {
		return Tokens{}, err
	}
	access, err := a.signer.sign(accessToken, session, u, time.Now().Add(a.access))
	return Tokens{access, refresh}, err
}

// Refresh returns a new access token for a refresh token.
func (a *Accounts) Refresh(ctx context.Context, token string) (Tokens, error) {
	who, err := a.identify(ctx, refreshToken, token)
	if err != nil {
		return Tokens{}, err
	}
	expires := time.Now().Add(a.access)
	if expires.After(who.Expires) {
		expires = who.Expires
	}
	access, err := a.signer.sign(accessToken, who.Session, who.User, expires)
	return Tokens{Access: access}, err
}

// Identify returns who an access token is of.
func (a *Accounts) Identify(ctx context.Context, token string) (Identity, error) {
	return a.identify(ctx, accessToken, token)
}

func (a *Accounts) identify(ctx context.Context, kind, token string) (Identity, error) {
	c, err := a.signer.read(kind, token)
	if err != nil {
		return Identity{}, err
	}
	u, err := a.store.SessionUser(ctx, c.Session)
	if err == nil && u.ID != c.ID {
		err = errLoggedOut
	}
	return Identity{u, c.Session, c.ExpiresAt.Time}, err
}

func (a *Accounts) hash(ctx context.Context, password string) (hash []byte, err error) {
	err = a.compute(ctx, func() (err error) {
		hash, err = bcrypt.GenerateFromPassword([]byte(password), a.cost)
		return err
	})
	return hash, err
}

// compute runs f when it is its turn.
func (a *Accounts) compute(ctx context.Context, f func() error) error {
	select {
	case a.hashing <- struct{}{}:
		defer func() { <-a.hashing }()
		return f()
	case <-ctx.Done():
		return ctx.Err()
	}
}
