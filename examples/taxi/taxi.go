package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"strconv"
	"time"

	"github.com/gochannels/channels/consumer"
	"github.com/gochannels/channels/group"
	"github.com/gochannels/channels/layer"
)

// TaxiConsumer is one connection of a rider or a driver: the consumer of /taxi/.
//
// It is in the group of its user and, for a driver, in that of all drivers. Of each
// trip of its user it is in the group as long as the trip is open.
type TaxiConsumer struct {
	consumer.Base
	store   *Store
	me      User
	session string
	expiry  *time.Timer
	told    map[string]int64 // the trips whose groups it is in: the version last sent
}

// NewTaxi returns the handler of /taxi/, to be mounted behind authenticated.
func NewTaxi(l layer.ChannelLayer, store *Store) *consumer.Handler {
	newConsumer := func() *TaxiConsumer { return &TaxiConsumer{store: store, told: make(map[string]int64)} }
	return consumer.MustHandler(newConsumer, &consumer.Options{
		Layer:        l,
		Subprotocols: []string{"taxi"},
		ReadLimit:    16 << 10,
		FromClient:   []string{"create.trip", "update.trip", "echo.message"},
		// What others on the layer send as echo.message goes out as it stands.
		Relay: map[string]consumer.Relay{"echo.message": consumer.RelayMessage()},
	})
}

// The groups.
const driversGroup = "drivers"

func tripGroup(id string) string { return group.Name("trip", id) }

func userGroup(id int64) string { return group.Name("user", strconv.FormatInt(id, 10)) }

// Connect joins first and looks second, so that nothing falls in between.
func (c *TaxiConsumer) Connect(ctx context.Context) error {
	who := identityOf(ctx)
	c.me, c.session = who.User, who.Session
	if err := c.GroupAdd(ctx, userGroup(c.me.ID)); err != nil {
		return err
	}
	if c.me.Group == Driver {
		if err := c.GroupAdd(ctx, driversGroup); err != nil {
			return err
		}
	}
	if err := c.resume(ctx); err != nil {
		return denied(err)
	}
	c.expiry = time.AfterFunc(time.Until(who.Expires), func() { _ = c.Close(statusLoggedOut, "the token has expired") })
	return nil
}

// statusLoggedOut tells a client to get a new token before it comes back.
const statusLoggedOut consumer.StatusCode = 4401

// Disconnect runs once after each connection that was accepted. Its groups are
// left by themselves.
func (c *TaxiConsumer) Disconnect(context.Context, consumer.StatusCode) error {
	c.expiry.Stop()
	return nil
}

// CreateTrip handles "create.trip": a rider wants to be driven.
func (c *TaxiConsumer) CreateTrip(ctx context.Context, r TripRequest) error {
	wanted, err := r.New()
	switch {
	case err != nil:
		return c.refuse(ctx, r.ID, err)
	case c.me.Group != Rider:
		return c.refuse(ctx, r.ID, &Problem{Code: codeForbidden, Message: "Only riders ask for a trip."})
	case differs(wanted.Rider, c.me.ID), wanted.Driver != nil, differs(wanted.Status, Requested):
		return c.refuse(ctx, r.ID, &Problem{Code: codeForbidden, Message: "You can ask for nobody but yourself, and choose neither driver nor status."})
	}
	trip, fresh, err := c.store.AddTrip(ctx, c.me, wanted)
	if err != nil {
		return c.refuse(ctx, r.ID, err)
	}
	err = c.reply(ctx, r.ID, trip)
	if fresh {
		err = errors.Join(err, c.tell(ctx, trip, driversGroup, userGroup(c.me.ID)))
	}
	return err
}

// UpdateTrip handles "update.trip": a driver takes a trip or moves it on, a rider
// changes his mind about where. What is allowed, [Trip.With] knows.
func (c *TaxiConsumer) UpdateTrip(ctx context.Context, r TripRequest) error {
	wanted, err := r.Change()
	if err != nil {
		return c.refuse(ctx, r.ID, err)
	}
	before, trip, err := c.store.ChangeTrip(ctx, c.me, wanted)
	if err != nil {
		return c.refuse(ctx, r.ID, err)
	}
	err = c.reply(ctx, r.ID, trip)
	if trip.Version == before.Version {
		return err
	}
	groups := []string{tripGroup(trip.ID)}
	if before.Status == Requested {
		groups = append(groups, driversGroup) // on whose lists it is other than before, or taken
	}
	return errors.Join(err, c.tell(ctx, trip, groups...))
}

// EchoMessage handles "echo.message" of the client, which hears what it said.
func (c *TaxiConsumer) EchoMessage(ctx context.Context, echo Echo) error {
	return c.SendJSON(ctx, Reply{Type: "echo.message", ID: echo.ID, Data: echo.Data})
}

// ReceiveJSON gets the messages of the client that no handler is for.
func (c *TaxiConsumer) ReceiveJSON(ctx context.Context, msg consumer.Message) error {
	return c.refuse(ctx, requestID(msg["id"]), &Problem{Code: codeInvalid, Message: "There are no messages of this type."})
}

// TripChanged handles "trip.changed" from the layer. A trip of one's own comes by
// two ways at times, and one's own changes come back: what is known is not sent.
func (c *TaxiConsumer) TripChanged(ctx context.Context, msg TripChanged) error {
	version, followed := c.told[msg.Trip.ID]
	err := c.follow(ctx, msg.Trip)
	if followed && msg.Trip.Version <= version {
		return err
	}
	return errors.Join(err, c.SendJSON(ctx, Reply{Type: "echo.message", Data: msg.Trip}))
}

// SessionEnded handles "session.ended" from the layer: the user has logged out.
func (c *TaxiConsumer) SessionEnded(_ context.Context, msg SessionEnded) error {
	if msg.Session != c.session {
		return nil // another device's
	}
	return &consumer.CloseError{Code: statusLoggedOut, Reason: "logged out"}
}

// Gap is told that the layer may have lost messages. What they said is in the store;
// the client is told to look there.
func (c *TaxiConsumer) Gap(ctx context.Context, _ layer.Gap) error {
	err := c.resume(ctx)
	if errors.Is(err, errLoggedOut) {
		return &consumer.CloseError{Code: statusLoggedOut, Reason: "logged out"}
	}
	return errors.Join(err, c.SendJSON(ctx, Reply{Type: "gap"}))
}

// resume makes the groups of trips those that the store says, and sees that the
// session still stands.
func (c *TaxiConsumer) resume(ctx context.Context) error {
	if _, err := c.store.SessionUser(ctx, c.session); err != nil {
		return err
	}
	trips, err := c.store.OpenTrips(ctx, c.me)
	if err != nil {
		return err
	}
	over := maps.Clone(c.told)
	for _, trip := range trips {
		delete(over, trip.ID)
		err = errors.Join(err, c.follow(ctx, trip))
	}
	for id := range over {
		delete(c.told, id)
		err = errors.Join(err, c.GroupDiscard(ctx, tripGroup(id)))
	}
	return err
}

// follow joins a trip's group when the trip becomes one's own, and leaves it when
// the trip is over.
func (c *TaxiConsumer) follow(ctx context.Context, trip Trip) error {
	version, followed := c.told[trip.ID]
	switch {
	case trip.Open() && trip.Of(c.me):
		if !followed {
			if err := c.GroupAdd(ctx, tripGroup(trip.ID)); err != nil {
				return err
			}
		}
		c.told[trip.ID] = max(version, trip.Version)
	case followed:
		delete(c.told, trip.ID)
		return c.GroupDiscard(ctx, tripGroup(trip.ID))
	}
	return nil
}

// reply answers a request with the trip as it is now.
func (c *TaxiConsumer) reply(ctx context.Context, id json.RawMessage, trip Trip) error {
	var err error
	if trip.Open() {
		err = c.follow(ctx, trip)
	} else if _, followed := c.told[trip.ID]; followed {
		c.told[trip.ID] = trip.Version // the group is left when the group has heard
	}
	return errors.Join(c.SendJSON(ctx, Reply{Type: "echo.message", ID: id, Data: trip}), err)
}

// refuse answers a request with what is wrong with it. The connection goes on.
func (c *TaxiConsumer) refuse(ctx context.Context, id json.RawMessage, err error) error {
	problem, told := problemOf(err)
	if !told {
		slog.Error("taxi: request failed", "user", c.me.ID, "error", err)
	}
	return c.SendJSON(ctx, Reply{Type: "error", ID: id, Error: problem})
}

// tell sends a trip to groups. What fails here is stored all the same: a layer that
// comes back reports a Gap, and everybody looks again.
func (c *TaxiConsumer) tell(ctx context.Context, trip Trip, groups ...string) error {
	var errs []error
	for _, name := range groups {
		errs = append(errs, c.GroupSend(ctx, name, layer.Message{"type": "trip.changed", "trip": trip}))
	}
	return errors.Join(errs...)
}
