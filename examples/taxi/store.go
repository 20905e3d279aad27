package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/url"
	"os"

	_ "modernc.org/sqlite" // the driver "sqlite", which needs no C compiler
)

// Store keeps users, sessions and trips in one SQLite file. Its methods may be
// called concurrently, and several processes may open one file.
type Store struct {
	db *sql.DB
}

// migrations make the schema. The file knows how many it has had; new ones are
// added at the end, and none is ever changed.
var migrations = []string{
	`CREATE TABLE users (
		id         INTEGER PRIMARY KEY AUTOINCREMENT,
		username   TEXT NOT NULL UNIQUE COLLATE NOCASE,
		first_name TEXT NOT NULL,
		last_name  TEXT NOT NULL,
		grp        TEXT NOT NULL,
		photo      TEXT,
		password   BLOB NOT NULL,
		active     INTEGER NOT NULL DEFAULT 1,
		demo       INTEGER NOT NULL DEFAULT 0
	);
	CREATE TABLE photos (id TEXT PRIMARY KEY, type TEXT NOT NULL, data BLOB NOT NULL);
	CREATE TABLE sessions (
		id      TEXT PRIMARY KEY,
		user_id INTEGER NOT NULL REFERENCES users (id),
		expires INTEGER NOT NULL
	);
	CREATE TABLE settings (name TEXT PRIMARY KEY, value BLOB NOT NULL)`,

	`CREATE TABLE trips (
		id               TEXT PRIMARY KEY,
		created          INTEGER NOT NULL,
		updated          INTEGER NOT NULL,
		pick_up_address  TEXT NOT NULL,
		drop_off_address TEXT NOT NULL,
		status           TEXT NOT NULL CHECK (status IN ('REQUESTED', 'STARTED', 'IN_PROGRESS', 'COMPLETED')),
		rider_id         INTEGER REFERENCES users (id),
		driver_id        INTEGER REFERENCES users (id),
		version          INTEGER NOT NULL DEFAULT 1,
		key              TEXT
	);
	CREATE UNIQUE INDEX trips_key ON trips (rider_id, key);
	CREATE INDEX trips_driver ON trips (driver_id, created);
	CREATE INDEX trips_rider ON trips (rider_id, created);
	CREATE INDEX trips_status ON trips (status, created);
	CREATE UNIQUE INDEX trips_busy ON trips (driver_id) WHERE status IN ('STARTED', 'IN_PROGRESS')`,
}

// OpenStore opens the file at path, which it makes if needed, and brings its
// schema up to date.
func OpenStore(ctx context.Context, path string) (*Store, error) {
	// It holds the key of all tokens, and is for nobody else's eyes. What SQLite puts
	// beside it gets the same mode.
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	file.Close()
	// A writer waits for another one, of any process, for up to five seconds.
	options := "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=foreign_keys(1)&_txlock=immediate"
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+options)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(8)
	s := &Store{db}
	if err := s.migrate(ctx); err != nil {
		db.Close()
		return nil, fmt.Errorf("the database %s: %w", path, err)
	}
	return s, nil
}

// Close closes the file.
func (s *Store) Close() error { return s.db.Close() }

func (s *Store) migrate(ctx context.Context) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		var done int
		if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&done); err != nil {
			return err
		}
		if done > len(migrations) {
			return fmt.Errorf("it has schema %d, this program knows %d: it was made by a newer one", done, len(migrations))
		}
		for _, step := range migrations[done:] {
			if _, err := tx.ExecContext(ctx, step); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", len(migrations)))
		return err
	})
}

// Key returns the secret that tokens are signed with. It is made with the file, so
// that tokens outlive a restart and all processes on the file accept each other's.
func (s *Store) Key(ctx context.Context) ([]byte, error) {
	fresh := make([]byte, 32)
	if _, err := rand.Read(fresh); err != nil {
		return nil, err
	}
	_, err := s.db.ExecContext(ctx, "INSERT INTO settings (name, value) VALUES ('key', ?) ON CONFLICT DO NOTHING", fresh)
	if err != nil {
		return nil, err
	}
	var key []byte
	err = s.db.QueryRowContext(ctx, "SELECT value FROM settings WHERE name = 'key'").Scan(&key)
	return key, err
}

// inTx runs f in a transaction that writes, which is undone if f fails.
func (s *Store) inTx(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // after Commit it does nothing
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}
