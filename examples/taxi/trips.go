package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// openPerRider is how many trips that are not over one rider may have.
const openPerRider = 3

// listed is how many trips a list has at most.
const listed = 200

// byUrgency sorts trips so that those a list leaves out are the least missed: a
// driver's own trip comes first, then who has waited longest, then the newest of the past.
const byUrgency = ` ORDER BY t.status = 'COMPLETED', t.status = 'REQUESTED',
	CASE t.status WHEN 'REQUESTED' THEN t.created ELSE -t.created END, t.id `

var errBusy = &Problem{Code: codeConflict, Message: "Complete the trip you are on first."}

// AddTrip stores the trip that a rider wants and returns it. What he asked for before
// by the same key, if that is not empty, he gets again.
func (s *Store) AddTrip(ctx context.Context, rider User, wanted Change) (t Trip, fresh bool, err error) {
	now := time.Now().UnixMilli()
	id := newUUID()
	result, err := s.db.ExecContext(ctx, `INSERT INTO trips (id, created, updated, pick_up_address, drop_off_address, status, rider_id, key)
		SELECT ?, ?, ?, ?, ?, 'REQUESTED', ?, nullif(?, '')
		WHERE (SELECT count(*) FROM trips WHERE rider_id = ? AND status <> 'COMPLETED') < ?
		ON CONFLICT DO NOTHING`,
		id, now, now, *wanted.PickUp, *wanted.DropOff, rider.ID, wanted.Key, rider.ID, openPerRider)
	if err != nil {
		return Trip{}, false, err
	}
	n, err := result.RowsAffected()
	if err != nil {
		return Trip{}, false, err
	}
	if n == 1 {
		t, err = s.one(ctx, "t.id = ?", id)
		return t, true, err
	}
	t, err = s.one(ctx, "t.rider_id = ? AND t.key = ?", rider.ID, wanted.Key)
	if errors.Is(err, errNoTrip) {
		err = &Problem{Code: codeConflict, Message: fmt.Sprintf("You have %d trips that are not over.", openPerRider)}
	}
	return t, false, err
}

// ChangeTrip does what u asks for and returns the trip before and after, the same
// twice if there was nothing to do. The change is made if the trip is still the one
// that the rules were asked about: of two drivers who take it, one finds it taken.
func (s *Store) ChangeTrip(ctx context.Context, u User, c Change) (before, after Trip, err error) {
	for range 10 { // no trip changes so often in its life
		before, err = s.one(ctx, "t.id = ?", c.ID)
		if err != nil {
			return before, before, err
		}
		after, err = before.With(c, u)
		if err != nil || after == before {
			return before, before, err
		}
		var driver *int64
		if after.Driver != nil {
			driver = &after.Driver.ID
		}
		after.Version++
		after.Updated = time.UnixMilli(time.Now().UnixMilli()).UTC()
		result, err := s.db.ExecContext(ctx, `UPDATE trips
			SET status = ?, driver_id = ?, pick_up_address = ?, drop_off_address = ?, version = ?, updated = ?
			WHERE id = ? AND status = ? AND version = ?`,
			after.Status, driver, after.PickUp, after.DropOff, after.Version, after.Updated.UnixMilli(),
			before.ID, before.Status, before.Version)
		if broken, ok := errors.AsType[*sqlite.Error](err); ok && broken.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE {
			// The index trips_busy: a driver is on one trip at a time.
			return before, before, errBusy
		}
		if err != nil {
			return before, before, err
		}
		if n, err := result.RowsAffected(); err != nil || n == 1 {
			return before, after, err
		}
	}
	return before, before, errors.New("the trip changes too fast")
}

// Trips returns the trips that u may see.
func (s *Store) Trips(ctx context.Context, u User) ([]Trip, error) {
	if u.Group == Driver {
		return s.many(ctx, "t.status = 'REQUESTED' OR t.driver_id = ?", u.ID)
	}
	return s.many(ctx, "t.rider_id = ?", u.ID)
}

// OpenTrips returns those trips of u that are not over.
func (s *Store) OpenTrips(ctx context.Context, u User) ([]Trip, error) {
	return s.many(ctx, "t.status <> 'COMPLETED' AND (t.rider_id = ? OR t.driver_id = ?)", u.ID, u.ID)
}

// FindTrip returns a trip that u may see; any other is not there.
func (s *Store) FindTrip(ctx context.Context, u User, id string) (Trip, error) {
	t, err := s.one(ctx, "t.id = ?", id)
	if err == nil && !t.VisibleTo(u) {
		err = errNoTrip
	}
	return t, err
}

func (s *Store) one(ctx context.Context, where string, args ...any) (Trip, error) {
	trips, err := s.many(ctx, where, args...)
	if err == nil && len(trips) == 0 {
		err = errNoTrip
	}
	if err != nil {
		return Trip{}, err
	}
	return trips[0], nil
}

func (s *Store) many(ctx context.Context, where string, args ...any) ([]Trip, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT t.id, t.created, t.updated, t.pick_up_address, t.drop_off_address, t.status, t.version,
		r.id, r.username, r.first_name, r.last_name, r.grp, r.photo,
		d.id, d.username, d.first_name, d.last_name, d.grp, d.photo
		FROM trips t LEFT JOIN users r ON r.id = t.rider_id LEFT JOIN users d ON d.id = t.driver_id
		WHERE `+where+byUrgency+"LIMIT "+strconv.Itoa(listed), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	trips := []Trip{}
	for rows.Next() {
		var t Trip
		var created, updated int64
		var rider, driver maybeUser
		err := rows.Scan(append(append([]any{&t.ID, &created, &updated, &t.PickUp, &t.DropOff, &t.Status, &t.Version},
			rider.columns()...), driver.columns()...)...)
		if err != nil {
			return nil, err
		}
		t.Created, t.Updated = time.UnixMilli(created).UTC(), time.UnixMilli(updated).UTC()
		t.Rider, t.Driver = rider.user(), driver.user()
		trips = append(trips, t)
	}
	return trips, rows.Err()
}
