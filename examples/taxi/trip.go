package main

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Status is how far a trip has come.
type Status string

// A trip goes through these, in this order.
const (
	Requested  Status = "REQUESTED"
	Started    Status = "STARTED"     // a driver is on the way to the rider
	InProgress Status = "IN_PROGRESS" // the rider is in the car
	Completed  Status = "COMPLETED"
)

var next = map[Status]Status{Requested: Started, Started: InProgress, InProgress: Completed}

// Trip is a ride that somebody asked for.
type Trip struct {
	ID      string    `json:"id"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
	PickUp  string    `json:"pick_up_address"`
	DropOff string    `json:"drop_off_address"`
	Status  Status    `json:"status"`
	Driver  *User     `json:"driver"`
	Rider   *User     `json:"rider"`
	Version int64     `json:"version"` // one more with each change
}

// Change is what somebody wants to be different. Fields that are nil stay.
type Change struct {
	ID      string  `json:"id"`
	PickUp  *string `json:"pick_up_address"`
	DropOff *string `json:"drop_off_address"`
	Status  *Status `json:"status"`
	Driver  *int64  `json:"driver"`
	Rider   *int64  `json:"rider"`
	// Key is what a client calls the trip it asks for, if it likes: asked for a
	// second time, as it may after a lost connection, there is still one trip.
	Key string `json:"key"`
}

// Open reports whether the trip is not over.
func (t Trip) Open() bool { return t.Status != Completed }

// Of reports whether u is the trip's rider or driver.
func (t Trip) Of(u User) bool {
	return t.Rider != nil && t.Rider.ID == u.ID || t.Driver != nil && t.Driver.ID == u.ID
}

// VisibleTo reports whether u may see the trip: his own, and a driver those that
// nobody has taken yet.
func (t Trip) VisibleTo(u User) bool {
	return t.Of(u) || u.Group == Driver && t.Status == Requested
}

var errNoTrip = &Problem{Code: codeNotFound, Message: "There is no such trip."}

// With returns the trip as u wants it, or the Problem with that. It is where all
// rules about who may do what are.
func (t Trip) With(c Change, u User) (Trip, error) {
	switch {
	case u.Group == Driver && t.Driver != nil && t.Driver.ID != u.ID:
		return t, &Problem{Code: codeTaken, Message: "Another driver has taken this trip."}
	case !t.VisibleTo(u):
		return t, errNoTrip
	case c.Rider != nil && (t.Rider == nil || *c.Rider != t.Rider.ID):
		return t, &Problem{Code: codeForbidden, Message: "A trip keeps its rider."}
	case u.Group == Driver:
		return t.driven(c, u)
	}
	return t.ridden(c)
}

// driven is With for a driver: he takes a trip, and moves it on step by step.
func (t Trip) driven(c Change, u User) (Trip, error) {
	switch {
	case c.Driver != nil && *c.Driver != u.ID:
		return t, &Problem{Code: codeForbidden, Message: "You can drive for nobody but yourself."}
	case differs(c.PickUp, t.PickUp), differs(c.DropOff, t.DropOff):
		return t, &Problem{Code: codeForbidden, Message: "Only the rider may change the addresses."}
	case c.Status == nil, *c.Status == t.Status:
		return t, nil // asked a second time, perhaps because the first answer was lost
	case next[t.Status] != *c.Status:
		return t, &Problem{Code: codeConflict, Message: fmt.Sprintf("A trip that is %s cannot become %s.", t.Status, *c.Status)}
	}
	t.Status, t.Driver = *c.Status, &u
	return t, nil
}

// ridden is With for the trip's rider: until a driver comes he may think again
// about the addresses.
func (t Trip) ridden(c Change) (Trip, error) {
	switch {
	case differs(c.Status, t.Status):
		return t, &Problem{Code: codeForbidden, Message: "Only a driver may do that."}
	case c.Driver != nil && (t.Driver == nil || *c.Driver != t.Driver.ID):
		return t, &Problem{Code: codeForbidden, Message: "Riders cannot choose their driver."}
	case !differs(c.PickUp, t.PickUp) && !differs(c.DropOff, t.DropOff):
		return t, nil
	case t.Status != Requested:
		return t, &Problem{Code: codeConflict, Message: "A driver is on the way already."}
	}
	if c.PickUp != nil {
		t.PickUp = *c.PickUp
	}
	if c.DropOff != nil {
		t.DropOff = *c.DropOff
	}
	return t, nil
}

func differs[T comparable](wanted *T, is T) bool { return wanted != nil && *wanted != is }

// Check returns the change with its addresses trimmed, or the Problem with them.
func (c Change) Check() (Change, error) {
	f := faults{}
	c.PickUp = f.address("pick_up_address", c.PickUp)
	c.DropOff = f.address("drop_off_address", c.DropOff)
	if len(c.Key) > 64 {
		f["key"] = "A key has at most 64 bytes."
	}
	if c.Status != nil && *c.Status != Completed && next[*c.Status] == "" {
		f["status"] = "There is no such status."
	}
	return c, f.problem()
}

func (f faults) address(field string, address *string) *string {
	if address == nil {
		return nil
	}
	a, visible := oneLine(*address)
	switch {
	case a == "":
		f[field] = "An address cannot be empty."
	case utf8.RuneCountInString(a) > 255:
		f[field] = "An address has at most 255 characters."
	case !visible:
		f[field] = "An address has visible characters only."
	}
	return &a
}

// oneLine returns text with ordinary spaces, and none around it, and whether all of it
// can be seen. The two joiners can't, but Persian, Hindi and emoji are written with them.
func oneLine(text string) (clean string, visible bool) {
	joins := func(c rune) bool { return c == '\u200c' || c == '\u200d' }
	clean = strings.Map(func(c rune) rune {
		if unicode.Is(unicode.Zs, c) {
			return ' '
		}
		return c
	}, text)
	clean = strings.TrimFunc(clean, func(c rune) bool { return unicode.IsSpace(c) || joins(c) })
	return clean, !strings.ContainsFunc(clean, func(c rune) bool { return !unicode.IsPrint(c) && !joins(c) })
}
