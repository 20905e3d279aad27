package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/gochannels/channels/testing/consumertest"
)

// Who may do what: each action by each kind of person, and the code of the answer,
// "" where it is done.
func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	type doing struct {
		name   string
		status Status // of the trip before
		kind   string
		data   func(c cast) map[string]any
		codes  [5]string // of the rider, another rider, the driver, another driver, a guest
	}
	const yes = ""
	update := func(more map[string]any) func(cast) map[string]any {
		return func(c cast) map[string]any {
			data := map[string]any{"id": c.trip.ID}
			for k, v := range more {
				if who, ok := v.(func(cast) int64); ok {
					v = who(c)
				}
				data[k] = v
			}
			return data
		}
	}
	wish := func(more map[string]any) func(cast) map[string]any {
		with := update(more)
		return func(c cast) map[string]any {
			data := with(c)
			delete(data, "id")
			data["pick_up_address"], data["drop_off_address"] = "Mill", "Park"
			return data
		}
	}
	rider := func(c cast) int64 { return c.people[0].ID }
	driver := func(c cast) int64 { return c.people[2].ID }
	otherDriver := func(c cast) int64 { return c.people[3].ID }

	for _, d := range []doing{
		{"ask for a trip", Requested, "create.trip", wish(nil), [5]string{yes, yes, codeForbidden, codeForbidden, codeForbidden}},
		{"ask in the rider's name", Requested, "create.trip", wish(map[string]any{"rider": rider}), [5]string{yes, codeForbidden, codeForbidden, codeForbidden, codeForbidden}},
		{"ask with a driver", Requested, "create.trip", wish(map[string]any{"driver": driver}), [5]string{codeForbidden, codeForbidden, codeForbidden, codeForbidden, codeForbidden}},
		{"ask for one that is over", Requested, "create.trip", wish(map[string]any{"status": Completed}), [5]string{codeForbidden, codeForbidden, codeForbidden, codeForbidden, codeForbidden}},

		{"take", Requested, "update.trip", update(map[string]any{"status": Started}), [5]string{codeForbidden, codeNotFound, yes, yes, codeNotFound}},
		{"take for the driver", Requested, "update.trip", update(map[string]any{"status": Started, "driver": driver}), [5]string{codeForbidden, codeNotFound, yes, codeForbidden, codeNotFound}},
		{"take with another address", Requested, "update.trip", update(map[string]any{"status": Started, "drop_off_address": "Mine"}), [5]string{codeForbidden, codeNotFound, codeForbidden, codeForbidden, codeNotFound}},
		{"take what is taken", Started, "update.trip", update(map[string]any{"status": Started}), [5]string{yes, codeNotFound, yes, codeTaken, codeNotFound}},
		{"give to another driver", Started, "update.trip", update(map[string]any{"driver": otherDriver}), [5]string{codeForbidden, codeNotFound, codeForbidden, codeTaken, codeNotFound}},
		{"give to another rider", Requested, "update.trip", update(map[string]any{"rider": driver}), [5]string{codeForbidden, codeNotFound, codeForbidden, codeForbidden, codeNotFound}},

		{"let the rider in", Started, "update.trip", update(map[string]any{"status": InProgress}), [5]string{codeForbidden, codeNotFound, yes, codeTaken, codeNotFound}},
		{"complete", InProgress, "update.trip", update(map[string]any{"status": Completed}), [5]string{codeForbidden, codeNotFound, yes, codeTaken, codeNotFound}},
		{"skip a step", Started, "update.trip", update(map[string]any{"status": Completed}), [5]string{codeForbidden, codeNotFound, codeConflict, codeTaken, codeNotFound}},
		{"go back", InProgress, "update.trip", update(map[string]any{"status": Started}), [5]string{codeForbidden, codeNotFound, codeConflict, codeTaken, codeNotFound}},
		{"undo", Started, "update.trip", update(map[string]any{"status": Requested}), [5]string{codeForbidden, codeNotFound, codeConflict, codeTaken, codeNotFound}},

		{"change an address", Requested, "update.trip", update(map[string]any{"drop_off_address": "Park"}), [5]string{yes, codeNotFound, codeForbidden, codeForbidden, codeNotFound}},
		{"change an address too late", Started, "update.trip", update(map[string]any{"pick_up_address": "Park"}), [5]string{codeConflict, codeNotFound, codeForbidden, codeTaken, codeNotFound}},
		{"change nothing", Requested, "update.trip", update(nil), [5]string{yes, codeNotFound, yes, yes, codeNotFound}},
	} {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			for i, want := range d.codes {
				c := newCast(t, d.status)
				who := c.people[i]
				a := ask(c.connect(who), d.kind, "1", d.data(c))
				if got := codeOf(a); got != want {
					t.Errorf("%s: got %q, want %q: %+v", who.Username, got, want, a.Error)
				}
				after, err := c.store.one(t.Context(), "t.id = ?", c.trip.ID)
				if err != nil || want != yes && after.Version != c.trip.Version {
					t.Errorf("%s: refused, and the trip is %+v (%v)", who.Username, after, err)
				}
			}
		})
	}
}

func TestWhoMaySeeWhat(t *testing.T) {
	t.Parallel()
	for status, codes := range map[Status][5]int{
		Requested:  {200, 404, 200, 200, 404},
		Started:    {200, 404, 200, 404, 404},
		InProgress: {200, 404, 200, 404, 404},
		Completed:  {200, 404, 200, 404, 404},
	} {
		c := newCast(t, status)
		for i, want := range codes {
			r := httptest.NewRequest(http.MethodGet, "/api/trip/"+c.trip.ID+"/", nil)
			r.Header.Set("Authorization", "Bearer "+c.people[i].Access)
			w := httptest.NewRecorder()
			c.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("%s, %s: got %d, want %d", status, c.people[i].Username, w.Code, want)
			}
			list, err := c.store.Trips(t.Context(), c.people[i].User)
			if err != nil || (len(list) == 1) != (want == 200) {
				t.Errorf("%s, %s: the list is %v (%v)", status, c.people[i].Username, list, err)
			}
		}
	}
}

// cast is a city with one trip and everybody who might have to do with it.
type cast struct {
	*city
	trip   Trip
	people [5]person // the rider, another rider, the driver, another driver, a user without a group
}

func newCast(t *testing.T, status Status) cast {
	t.Helper()
	c := cast{city: newCity(t)}
	for i, group := range []string{Rider, Rider, Driver, Driver, Rider} {
		name := []string{"rider", "other-rider", "driver", "other-driver", "guest"}[i]
		c.people[i] = c.person(name, group)
	}
	if _, err := c.store.db.ExecContext(t.Context(), "UPDATE users SET grp = '' WHERE username = 'guest'"); err != nil {
		t.Fatal(err)
	}
	var driver *person
	if status != Requested {
		driver = &c.people[2]
	}
	c.trip = c.city.trip(c.people[0], driver)
	for c.trip.Status != status {
		step := next[c.trip.Status]
		_, after, err := c.store.ChangeTrip(t.Context(), driver.User, Change{ID: c.trip.ID, Status: &step})
		if err != nil {
			t.Fatal(err)
		}
		c.trip = after
	}
	return c
}

func codeOf(a answered) string {
	if a.Error == nil {
		return ""
	}
	return a.Error.Code
}

// Two drivers take one trip, a hundred times: one has it, the other is told.
func TestTwoDriversOneTrip(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	ada := c.person("ada", Rider)
	drivers := []person{c.person("mei", Driver), c.person("tomas", Driver)}
	rider := c.connect(ada)
	for round := range 100 {
		trip := c.trip(ada, nil)
		var got [2]answered
		sockets := []*consumertest.WebsocketCommunicator{c.connect(drivers[0]), c.connect(drivers[1])}
		for _, s := range sockets {
			s.SendJSON(map[string]any{"type": "update.trip", "id": "1", "data": map[string]any{"id": trip.ID, "status": Started}})
		}
		for i, s := range sockets {
			for got[i].ID == nil { // what the other did may be heard first
				got[i] = hear(s)
			}
			s.Disconnect()
		}
		codes := fmt.Sprint(codeOf(got[0]), codeOf(got[1]))
		if codes != codeTaken {
			t.Fatalf("round %d: the answers are %+v and %+v", round, got[0], got[1])
		}
		winner := drivers[0]
		if got[0].Error != nil {
			winner = drivers[1]
		}
		after, err := c.store.FindTrip(t.Context(), ada.User, trip.ID)
		if err != nil || after.Driver == nil || after.Driver.ID != winner.ID || after.Version != 2 {
			t.Fatalf("round %d: %s was told that he has it, and the trip is %+v (%v)", round, winner.Username, after, err)
		}
		for _, status := range []Status{InProgress, Completed} {
			if _, _, err := c.store.ChangeTrip(t.Context(), winner.User, Change{ID: trip.ID, Status: &status}); err != nil {
				t.Fatal(err)
			}
		}
	}
	rider.Disconnect()
}

// The same in the store alone, by ten at a time and two connections to the file, as
// two processes have them.
func TestTenDriversTwoProcessesOneTrip(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	var path string
	if err := c.store.db.QueryRowContext(t.Context(), "SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&path); err != nil {
		t.Fatal(err)
	}
	stores := []*Store{c.store, openStore(t, path)}
	trip := c.trip(c.person("ada", Rider), nil)
	var all sync.WaitGroup
	errs := make(chan error, 10)
	for i := range 10 {
		p := c.person(fmt.Sprint("driver", i), Driver)
		all.Go(func() {
			started := Started
			_, _, err := stores[i%2].ChangeTrip(t.Context(), p.User, Change{ID: trip.ID, Status: &started})
			errs <- err
		})
	}
	all.Wait()
	close(errs)
	won := 0
	for err := range errs {
		var p *Problem
		switch {
		case err == nil:
			won++
		case !errors.As(err, &p) || p.Code != codeTaken:
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d drivers have the trip", won)
	}
}
