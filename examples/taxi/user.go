package main

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// The groups of users. Each user is in one.
const (
	Rider  = "rider"
	Driver = "driver"
)

// User is somebody with an account, as everybody may see him.
type User struct {
	ID        int64   `json:"id"`
	Username  string  `json:"username"`
	FirstName string  `json:"first_name"`
	LastName  string  `json:"last_name"`
	Group     string  `json:"group"`
	Photo     *string `json:"photo"` // where it is, or null
}

// Photo is a picture as it was uploaded.
type Photo struct {
	Type string
	Data []byte
}

const userColumns = "u.id, u.username, u.first_name, u.last_name, u.grp, u.photo"

func (u *User) columns() []any {
	return []any{&u.ID, &u.Username, &u.FirstName, &u.LastName, &u.Group, &u.Photo}
}

var errUsernameTaken = &Problem{
	Code: codeInvalid, Message: "Please check what you entered.",
	Fields: map[string]string{"username": "Somebody has this name already."},
}

// AddUser stores a new user, whose ID and Photo it fills in.
func (s *Store) AddUser(ctx context.Context, u User, password []byte, photo *Photo, demo bool) (User, error) {
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		if photo != nil {
			id := newID()
			path := photoPath + id
			u.Photo = &path
			if _, err := tx.ExecContext(ctx, "INSERT INTO photos (id, type, data) VALUES (?, ?, ?)", id, photo.Type, photo.Data); err != nil {
				return err
			}
		}
		row := tx.QueryRowContext(ctx, `INSERT INTO users (username, first_name, last_name, grp, photo, password, demo)
			VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id`,
			u.Username, u.FirstName, u.LastName, u.Group, u.Photo, password, demo)
		err := row.Scan(&u.ID)
		if errors.Is(err, sql.ErrNoRows) {
			return errUsernameTaken
		}
		return err
	})
	return u, err
}

// FindPhoto returns a photo, or sql.ErrNoRows.
func (s *Store) FindPhoto(ctx context.Context, id string) (Photo, error) {
	var p Photo
	err := s.db.QueryRowContext(ctx, "SELECT type, data FROM photos WHERE id = ?", id).Scan(&p.Type, &p.Data)
	return p, err
}

// Password returns an active user and the hash of his password, or sql.ErrNoRows.
func (s *Store) Password(ctx context.Context, username string) (u User, hash []byte, err error) {
	row := s.db.QueryRowContext(ctx, "SELECT "+userColumns+", u.password FROM users u WHERE u.username = ? AND u.active", username)
	err = row.Scan(append(u.columns(), &hash)...)
	return u, hash, err
}

// SetActive lets a user in or keeps him out.
func (s *Store) SetActive(ctx context.Context, username string, active bool) error {
	_, err := s.db.ExecContext(ctx, "UPDATE users SET active = ? WHERE username = ?", active, username)
	return err
}

// AddSession remembers that a user has logged in. Sessions that are over are
// forgotten on the way.
func (s *Store) AddSession(ctx context.Context, id string, user int64, expires time.Time) error {
	if _, err := s.db.ExecContext(ctx, "DELETE FROM sessions WHERE expires < ?", time.Now().Unix()); err != nil {
		return err
	}
	_, err := s.db.ExecContext(ctx, "INSERT INTO sessions (id, user_id, expires) VALUES (?, ?, ?)", id, user, expires.Unix())
	return err
}

// EndSession revokes all tokens of a session.
func (s *Store) EndSession(ctx context.Context, id string) error {
	_, err := s.db.ExecContext(ctx, "DELETE FROM sessions WHERE id = ?", id)
	return err
}

var errLoggedOut = &Problem{Code: codeUnauthorized, Message: "This session was ended. Log in again."}

// SessionUser returns the active user whose session this is, or errLoggedOut.
func (s *Store) SessionUser(ctx context.Context, id string) (User, error) {
	var u User
	row := s.db.QueryRowContext(ctx, "SELECT "+userColumns+` FROM sessions JOIN users u ON u.id = user_id
		WHERE sessions.id = ? AND expires > ? AND u.active`, id, time.Now().Unix())
	err := row.Scan(u.columns()...)
	if errors.Is(err, sql.ErrNoRows) {
		err = errLoggedOut
	}
	return u, err
}

// SetDemo lets all demo users in or keeps them out, and returns how many there are.
func (s *Store) SetDemo(ctx context.Context, active bool) (known int, err error) {
	result, err := s.db.ExecContext(ctx, "UPDATE users SET active = ? WHERE demo", active)
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return int(n), err
}
