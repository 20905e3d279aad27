package main

import "testing"

func TestAddressesOfAllScripts(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"Café\u00a0am\u2003See":         "Café am See",
		" \u00a0Harbour\u3000\n":        "Harbour",
		"خیابان می\u200cدان":            "خیابان می\u200cدان",
		"क्\u200dष \u200d":              "क्\u200dष",
		"\u200c":                        "",
		"Har\nbour":                     "",
		"Har\u202ebour":                 "",
		"Har\u200bbour":                 "",
		"Har\u0007bour":                 "",
		"शहर 1, \U0001f468\u200d\u2695": "शहर 1, \U0001f468\u200d\u2695",
	} {
		c, err := Change{PickUp: &given}.Check()
		if (err == nil) != (want != "") || err == nil && *c.PickUp != want {
			t.Errorf("%+q: got %+q, %v, want %+q", given, *c.PickUp, err, want)
		}
	}
}
