package main

import (
	"context"
	"errors"
)

// DemoPassword is that of every demo user. It is no secret.
const DemoPassword = "taxi-demo"

// Demo are the people of the demo city.
var Demo = []User{
	{Username: "ada", FirstName: "Ada", LastName: "Lindqvist", Group: Rider},
	{Username: "noor", FirstName: "Noor", LastName: "Haddad", Group: Rider},
	{Username: "tomas", FirstName: "Tomás", LastName: "Vidal", Group: Driver},
	{Username: "mei", FirstName: "Mei", LastName: "Tanaka", Group: Driver},
}

// SeedDemo makes the demo users that are missing and lets all of them in; or, if
// open is false, keeps out those that an earlier run has made.
func (a *Accounts) SeedDemo(ctx context.Context, open bool) error {
	known, err := a.store.SetDemo(ctx, open)
	if err != nil || !open || known == len(Demo) {
		return err
	}
	hash, err := a.hash(ctx, DemoPassword)
	if err != nil {
		return err
	}
	for _, u := range Demo {
		if _, err := a.store.AddUser(ctx, u, hash, nil, true); err != nil && !errors.Is(err, errUsernameTaken) {
			return err
		}
	}
	return nil
}
