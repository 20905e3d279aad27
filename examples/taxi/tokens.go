package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// The kinds of tokens: one that opens doors, and one that gets a new one of those.
const (
	accessToken  = "access"
	refreshToken = "refresh"
)

// Tokens is what whoever logs in gets.
type Tokens struct {
	Access  string `json:"access"`
	Refresh string `json:"refresh,omitempty"`
}

// Claims is what a token says. That it is true is what the signature says.
type Claims struct {
	Kind      string  `json:"token_type"`
	Session   string  `json:"sid"`
	ID        int64   `json:"id"`
	Username  string  `json:"username"`
	FirstName string  `json:"first_name"`
	LastName  string  `json:"last_name"`
	Group     string  `json:"group"`
	Photo     *string `json:"photo"`
	jwt.RegisteredClaims
}

// signer makes and reads tokens.
type signer struct {
	key    []byte
	parser *jwt.Parser
}

func newSigner(key []byte) *signer {
	return &signer{key, jwt.NewParser(
		// One method and no other, "none" least of all: a token does not choose
		// how it is to be checked.
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithExpirationRequired(),
	)}
}

func (s *signer) sign(kind, session string, u User, expires time.Time) (string, error) {
	claims := Claims{
		kind, session, u.ID, u.Username, u.FirstName, u.LastName, u.Group, u.Photo,
		jwt.RegisteredClaims{
			ID:        newID(),
			Subject:   strconv.FormatInt(u.ID, 10),
			IssuedAt:  jwt.NewNumericDate(time.Now()),
			ExpiresAt: jwt.NewNumericDate(expires),
		},
	}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(s.key)
}

// read returns what a token of the wanted kind says, or the Problem with it.
func (s *signer) read(kind, token string) (Claims, error) {
	var c Claims
	_, err := s.parser.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return s.key, nil })
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return c, &Problem{Code: codeUnauthorized, Message: "The token has expired."}
	case err != nil:
		return c, &Problem{Code: codeUnauthorized, Message: "The token is not valid."}
	case c.Kind != kind:
		return c, &Problem{Code: codeUnauthorized, Message: fmt.Sprintf("The token is not of the kind \"%s\".", kind)}
	}
	return c, nil
}
