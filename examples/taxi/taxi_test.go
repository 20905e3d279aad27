package main

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/testing/consumertest"
)

// The tests of the original, one by one and under their names.

var echo = layer.Message{"type": "echo.message", "data": "This is a test message."}

func TestCanConnectToServer(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	s := c.connect(c.person("ada", Rider))
	s.Disconnect()
}

func TestCanSendAndReceiveMessages(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	s := c.connect(c.person("ada", Rider))
	s.SendJSON(echo)
	s.ExpectJSON(echo)
}

func TestCannotConnectToSocket(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	consumertest.NewWebsocketCommunicator(t, c, "/taxi/").ExpectRefused(http.StatusUnauthorized)
}

func TestJoinDriverPool(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	driver, rider := c.connect(c.person("mei", Driver)), c.connect(c.person("ada", Rider))
	c.send("drivers", echo)
	driver.ExpectJSON(echo)
	rider.ExpectNothing()
}

func TestRequestTrip(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	ada := c.person("ada", Rider)
	s := c.connect(ada)
	got := ask(s, "create.trip", "1", map[string]any{"pick_up_address": "Station", "drop_off_address": " Harbour ", "rider": ada.ID})
	want := answered{Type: "echo.message", ID: "1", Data: Trip{
		ID: got.Data.ID, Created: got.Data.Created, Updated: got.Data.Created, Version: 1,
		PickUp: "Station", DropOff: "Harbour", Status: Requested, Rider: &ada.User,
	}}
	if diff := cmp.Diff(want, got); diff != "" || got.Data.ID == "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	s.ExpectNothing() // what its own group is told it knows
}

func TestDriverAlertedOnRequest(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	channel := consumertest.NewChannel(t, c.layer, "drivers")
	ada := c.person("ada", Rider)
	asked := ask(c.connect(ada), "create.trip", "1", map[string]any{"pick_up_address": "Station", "drop_off_address": "Harbour"})
	heard := tripOf(t, channel.Receive())
	if heard.ID != asked.Data.ID || heard.Rider.Username != "ada" || heard.Driver != nil {
		t.Errorf("the drivers heard %+v", heard)
	}
}

func TestCreateTripGroup(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	s := c.connect(c.person("ada", Rider))
	asked := ask(s, "create.trip", "1", map[string]any{"pick_up_address": "Station", "drop_off_address": "Harbour"})
	c.send(tripGroup(asked.Data.ID), echo)
	s.ExpectJSON(echo)
}

func TestJoinTripGroupOnConnect(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	ada := c.person("ada", Rider)
	trip := c.trip(ada, nil)
	s := c.connect(ada)
	c.send(tripGroup(trip.ID), echo)
	s.ExpectJSON(echo)
}

func TestDriverCanUpdateTrip(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	ada, mei := c.person("ada", Rider), c.person("mei", Driver)
	trip := c.trip(ada, &mei)
	channel := consumertest.NewChannel(t, c.layer, tripGroup(trip.ID))
	s := c.connect(mei)
	got := ask(s, "update.trip", "7", map[string]any{
		"id": trip.ID, "pick_up_address": trip.PickUp, "drop_off_address": trip.DropOff, "status": InProgress, "driver": mei.ID,
	})
	if got.Type != "echo.message" || got.Data.Status != InProgress {
		t.Fatalf("got %+v", got)
	}
	heard := tripOf(t, channel.Receive())
	if heard.Rider.Username != "ada" || heard.Driver.Username != "mei" || heard.Status != InProgress {
		t.Errorf("the trip's group heard %+v", heard)
	}
}

func TestDriverJoinTripGroupOnConnect(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	mei := c.person("mei", Driver)
	trip := c.trip(c.person("ada", Rider), &mei)
	s := c.connect(mei)
	c.send(tripGroup(trip.ID), echo)
	s.ExpectJSON(echo)
}

func (c *city) send(group string, msg layer.Message) {
	c.t.Helper()
	if err := c.layer.GroupSend(c.t.Context(), group, msg); err != nil {
		c.t.Fatal(err)
	}
}

// tripOf returns the trip in a "trip.changed" of the layer.
func tripOf(t *testing.T, msg layer.Message) Trip {
	t.Helper()
	text, err := json.Marshal(msg)
	var changed TripChanged
	if err == nil {
		err = json.Unmarshal(text, &changed)
	}
	if err != nil || msg.Type() != "trip.changed" {
		t.Fatalf("got %v (%v)", msg, err)
	}
	return changed.Trip
}
