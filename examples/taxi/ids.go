package main

import (
	"crypto/rand"
	"database/sql"
	"fmt"
)

// newID returns a name that nobody can guess.
func newID() string { return rand.Text() }

// newUUID returns a random UUID, version 4.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// maybeUser is a user as a LEFT JOIN finds him, or does not.
type maybeUser struct {
	id                                   sql.NullInt64
	username, firstName, lastName, group sql.NullString
	photo                                *string
}

func (m *maybeUser) columns() []any {
	return []any{&m.id, &m.username, &m.firstName, &m.lastName, &m.group, &m.photo}
}

func (m *maybeUser) user() *User {
	if !m.id.Valid {
		return nil
	}
	return &User{m.id.Int64, m.username.String, m.firstName.String, m.lastName.String, m.group.String, m.photo}
}
