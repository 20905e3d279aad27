package main

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/testing/consumertest"
)

// A trip from its request to its end: who hears of what, and that nobody hears it
// twice, with two devices of each.
func TestEverybodyHearsOfATripOnce(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	ada, noor := c.person("ada", Rider), c.person("noor", Rider)
	mei, tomas := c.person("mei", Driver), c.person("tomas", Driver)
	rider, riderToo := c.connect(ada), c.connect(ada)
	driver, driverToo := c.connect(mei), c.connect(mei)
	other, stranger := c.connect(tomas), c.connect(noor)

	expect := func(status Status, ears ...*consumertest.WebsocketCommunicator) {
		t.Helper()
		for i, ear := range ears {
			if a := hear(ear); a.Type != "echo.message" || a.Data.Status != status || a.ID != nil {
				t.Errorf("%s: number %d heard %+v", status, i, a)
			}
		}
		// What comes next, for all of them, is what is sent now: so nothing else came.
		for _, p := range []person{ada, noor, mei, tomas} {
			c.send(userGroup(p.ID), echo)
		}
		for _, s := range []*consumertest.WebsocketCommunicator{rider, riderToo, driver, driverToo, other, stranger} {
			s.ExpectJSON(echo)
		}
	}
	move := func(s *consumertest.WebsocketCommunicator, trip Trip, status Status) {
		t.Helper()
		a := ask(s, "update.trip", string(status), map[string]any{"id": trip.ID, "status": status})
		if a.ID != string(status) || a.Data.Status != status || a.Data.Driver.Username != "mei" {
			t.Fatalf("%s: got %+v", status, a)
		}
		settle(s)
	}

	trip := ask(rider, "create.trip", "1", map[string]any{"pick_up_address": "Station", "drop_off_address": "Harbour"}).Data
	settle(rider)
	expect(Requested, riderToo, driver, driverToo, other)
	if a := ask(riderToo, "update.trip", "2", map[string]any{"id": trip.ID, "drop_off_address": "Opera"}); a.Data.DropOff != "Opera" {
		t.Fatalf("got %+v", a)
	}
	settle(riderToo)
	expect(Requested, rider, driver, driverToo, other)
	move(driver, trip, Started)
	expect(Started, rider, riderToo, driverToo, other) // the other learns that it is taken
	move(driverToo, trip, InProgress)
	expect(InProgress, rider, riderToo, driver)
	move(driver, trip, Completed)
	expect(Completed, rider, riderToo, driverToo)

	// Nobody is in the trip's group any more.
	c.send(tripGroup(trip.ID), echo)
	expect(Completed)
	if members := c.layer.Stats().Memberships; members != 6+3 {
		t.Errorf("%d memberships, want one of each user's group and the drivers'", members)
	}
}

func TestTheSameRequestTwiceIsOneTrip(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	ada, mei := c.person("ada", Rider), c.person("mei", Driver)
	driver := c.connect(mei)
	wanted := map[string]any{"pick_up_address": "Station", "drop_off_address": "Harbour", "key": "k1"}
	rider := c.connect(ada)
	first := ask(rider, "create.trip", "1", wanted)
	rider.CloseNow()
	again := ask(c.connect(ada), "create.trip", "2", wanted)
	if again.Data.ID != first.Data.ID || again.ID != "2" {
		t.Errorf("got %+v, want the trip %s", again, first.Data.ID)
	}
	hear(driver)
	driver.ExpectNothing()

	for range 2 { // and what a driver says twice is done once
		if a := ask(driver, "update.trip", "3", map[string]any{"id": first.Data.ID, "status": Started}); a.Data.Version != 2 {
			t.Errorf("got %+v, want version 2", a)
		}
	}
	driver.ExpectNothing()
}

func TestARiderHasAFewTripsAndADriverOne(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	ada, mei := c.person("ada", Rider), c.person("mei", Driver)
	rider, driver := c.connect(ada), c.connect(mei)
	var trips []Trip
	for range openPerRider {
		trips = append(trips, c.trip(ada, nil))
	}
	more := ask(rider, "create.trip", "4", map[string]any{"pick_up_address": "Station", "drop_off_address": "Harbour"})
	if more.Error == nil || more.Error.Code != codeConflict {
		t.Errorf("one more trip: %+v", more)
	}
	if a := ask(driver, "update.trip", "1", map[string]any{"id": trips[0].ID, "status": Started}); a.Error != nil {
		t.Fatal(a.Error)
	}
	if a := ask(driver, "update.trip", "2", map[string]any{"id": trips[1].ID, "status": Started}); cmp.Diff(errBusy, a.Error) != "" {
		t.Errorf("a second trip: %+v", a)
	}
}

// settle returns when all that s asked for is done and sent: its requests are handled
// one after the other.
func settle(s *consumertest.WebsocketCommunicator) {
	s.SendJSON(echo)
	s.ExpectJSON(echo)
}

// What a client does wrong is answered under the request's id, and the connection
// goes on.
func TestBadRequestsAreAnswered(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	ada, mei := c.person("ada", Rider), c.person("mei", Driver)
	trip := c.trip(ada, nil)
	channel := consumertest.NewChannel(t, c.layer, "drivers", tripGroup(trip.ID))
	rider, driver := c.connect(ada), c.connect(mei)
	long := fmt.Sprintf("%0256d", 1)
	for _, bad := range []struct {
		who         *consumertest.WebsocketCommunicator
		text        string
		id          any
		code, field string
	}{
		{rider, `{"type":"create.trip","id":"a","data":{"pick_up_address":"","drop_off_address":"x"}}`, "a", codeInvalid, "pick_up_address"},
		{rider, `{"type":"create.trip","id":"b","data":{"pick_up_address":"x"}}`, "b", codeInvalid, "drop_off_address"},
		{rider, `{"type":"create.trip","id":"c","data":{"pick_up_address":"x","drop_off_address":"` + long + `"}}`, "c", codeInvalid, "drop_off_address"},
		{rider, `{"type":"create.trip","id":"d","data":{"pick_up_address":"x","drop_off_address":"a\u0007b"}}`, "d", codeInvalid, "drop_off_address"},
		{rider, `{"type":"create.trip","id":"e","data":{"pick_up_address":7,"drop_off_address":"x"}}`, "e", codeInvalid, "pick_up_address"},
		{rider, `{"type":"create.trip","id":"f","data":[]}`, "f", codeInvalid, ""},
		{rider, `{"type":"create.trip","id":5}`, 5.0, codeInvalid, ""},
		{rider, `{"type":"create.trip","id":{"a":1},"data":null}`, nil, codeInvalid, ""},
		{rider, `{"type":"trip.changed","id":"g","trip":{}}`, "g", codeInvalid, ""},
		{rider, `{"type":"session.ended","id":"h"}`, "h", codeInvalid, ""},
		{rider, `{"type":"connect","id":"i"}`, "i", codeInvalid, ""},
		{rider, `{"id":"j"}`, "j", codeInvalid, ""},
		{driver, `{"type":"update.trip","id":"k","data":{"id":"` + newUUID() + `","status":"STARTED"}}`, "k", codeNotFound, ""},
		{driver, `{"type":"update.trip","id":"l","data":{"status":"STARTED"}}`, "l", codeNotFound, ""},
		{driver, `{"type":"update.trip","id":"m","data":{"id":"` + trip.ID + `","status":"FLYING"}}`, "m", codeInvalid, "status"},
		{driver, `{"type":"update.trip","id":"n","data":{"id":"` + trip.ID + `","status":"COMPLETED"}}`, "n", codeConflict, ""},
		{driver, `{"type":"update.trip","id":"o","data":{"id":7}}`, "o", codeInvalid, "id"},
	} {
		bad.who.SendText(bad.text)
		a := hear(bad.who)
		if a.Type != "error" || a.ID != bad.id || a.Error == nil || a.Error.Code != bad.code || bad.field != "" && a.Error.Fields[bad.field] == "" {
			t.Errorf("%.120s: got %+v (%+v)", bad.text, a, a.Error)
		}
	}
	// What is no message at all is dropped and counted, and harms nothing either.
	for _, text := range []string{"{", "[]", `{"type":7,"id":"p"}`, `{"type":"create.trip","id":"q","data":{},"data":{}}`} {
		rider.SendText(text)
	}
	settle(rider)
	if n := c.site.Taxi.Stats().Dropped["undecodable"]; n != 4 {
		t.Errorf("%d messages were counted as undecodable, want 4", n)
	}
	rider.SendBinary([]byte{0xff})
	settle(rider)
	channel.ExpectNothing()
}

// gapLayer is a layer whose mailboxes a test gets hold of, to say that it has lost
// something.
type gapLayer struct {
	*layer.Memory
	boxes chan *layer.Mailbox
}

func (l gapLayer) NewChannel(ctx context.Context) (*layer.Mailbox, error) {
	box, err := l.Memory.NewChannel(ctx)
	l.boxes <- box
	return box, err
}

func TestGapMakesTheClientLookAgain(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	l := gapLayer{c.layer, make(chan *layer.Mailbox, 1)}
	c.site.Taxi = NewTaxi(l, c.store)
	c.Handler = c.site.Handler()
	ada, mei := c.person("ada", Rider), c.person("mei", Driver)
	old := c.trip(ada, &mei)
	rider := c.connect(ada)

	// While the layer was away one trip ended and another one began.
	for _, status := range []Status{InProgress, Completed} {
		if _, _, err := c.store.ChangeTrip(t.Context(), mei.User, Change{ID: old.ID, Status: &status}); err != nil {
			t.Fatal(err)
		}
	}
	fresh := c.trip(ada, nil)
	box := <-l.boxes
	box.DeliverGap(layer.Gap{Cause: "test"})
	rider.ExpectJSON(layer.Message{"type": "gap"})
	c.send(tripGroup(old.ID), layer.Message{"type": "echo.message", "data": "old"})
	c.send(tripGroup(fresh.ID), layer.Message{"type": "echo.message", "data": "new"})
	rider.ExpectJSON(layer.Message{"type": "echo.message", "data": "new"})

	// A session that ended meanwhile, of which the message was lost too, ends now.
	who, err := c.accounts.Identify(t.Context(), ada.Access)
	if err == nil {
		err = c.store.EndSession(t.Context(), who.Session)
	}
	if err != nil {
		t.Fatal(err)
	}
	box.DeliverGap(layer.Gap{Cause: "test"})
	rider.ExpectClose(statusLoggedOut, "logged out")
}
