package main

import (
	"net/http"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/gochannels/channels/layer"
	"github.com/gochannels/channels/testing/consumertest"
)

const password = "correct horse"

var passwordHash, _ = bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)

// city is the whole program but for its listener.
type city struct {
	http.Handler
	t        *testing.T
	site     Site
	layer    *layer.Memory
	store    *Store
	accounts *Accounts
}

func newCity(t *testing.T) *city {
	t.Helper()
	return newCityIn(t, filepath.Join(t.TempDir(), "taxi.db"))
}

func newCityIn(t *testing.T, path string) *city {
	t.Helper()
	c := &city{t: t, layer: new(layer.Memory), store: openStore(t, path)}
	var err error
	// The cheapest hashes: it is not bcrypt that is tested.
	c.accounts, err = NewAccounts(t.Context(), c.store, AccountsOptions{Cost: bcrypt.MinCost})
	if err != nil {
		t.Fatal(err)
	}
	c.site = Site{Layer: c.layer, Store: c.store, Accounts: c.accounts, Taxi: NewTaxi(c.layer, c.store), Demo: true}
	c.Handler = c.site.Handler()
	return c
}

func openStore(t *testing.T, path string) *Store {
	t.Helper()
	store, err := OpenStore(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// person is somebody who has logged in.
type person struct {
	User
	Tokens
}

func (c *city) person(name, group string) person {
	c.t.Helper()
	u, err := c.store.AddUser(c.t.Context(), User{Username: name, FirstName: name, Group: group}, passwordHash, nil, false)
	if err != nil {
		c.t.Fatal(err)
	}
	tokens, err := c.accounts.open(c.t.Context(), u)
	if err != nil {
		c.t.Fatal(err)
	}
	return person{u, tokens}
}

func (c *city) socket(p person) *consumertest.WebsocketCommunicator {
	return consumertest.NewWebsocketCommunicator(c.t, c, "/taxi/?token="+p.Access)
}

func (c *city) connect(p person) *consumertest.WebsocketCommunicator {
	c.t.Helper()
	s := c.socket(p)
	s.Connect()
	return s
}

// trip stores a trip without telling anybody; of a driver it is one he has taken.
func (c *city) trip(rider person, driver *person) Trip {
	c.t.Helper()
	from, to := "Station", "Harbour"
	t, _, err := c.store.AddTrip(c.t.Context(), rider.User, Change{PickUp: &from, DropOff: &to})
	if err == nil && driver != nil {
		started := Started
		_, t, err = c.store.ChangeTrip(c.t.Context(), driver.User, Change{ID: t.ID, Status: &started})
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return t
}

// answered is a message of the consumer, with whatever it may have.
type answered struct {
	Type  string
	ID    any
	Data  Trip
	Error *Problem
}

// ask sends a request and returns the answer to it.
func ask(s *consumertest.WebsocketCommunicator, kind, id string, data any) answered {
	s.SendJSON(map[string]any{"type": kind, "id": id, "data": data})
	return hear(s)
}

func hear(s *consumertest.WebsocketCommunicator) answered {
	var a answered
	s.ReceiveJSON(&a)
	return a
}
