package browsertest

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// The whole story of a trip, a rider on a phone and a driver at a desk, with reloads
// and a restart of the server in its middle.
func TestRiderAndDriverThroughARestart(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "taxi.db")
	s := startServer(t, "taxi", "127.0.0.1:0", "-db", db)
	home := "http://" + s.address + "/"
	rider, driver := newPage(t, "rider", phone), newPage(t, "driver", desktop)

	rider.open(home)
	rider.expect("the demo users are there", `document.querySelectorAll(".person").length === 4`)
	rider.screenshot("door")
	rider.enterAs("ada")
	driver.open(home)
	driver.expect("the demo users are there", `document.querySelectorAll(".person").length === 4`)
	driver.screenshot("door")
	driver.enterAs("tomas")
	driver.screenshot("idle")

	// She types where she is, and taps where she wants to go.
	rider.do("typing the pick-up", chromedp.SendKeys(chromedp.CSS(`[name="pick_up_address"]`), "Central Station"))
	rider.do("looking elsewhere", chromedp.Click(chromedp.CSS("#wish h2")))
	rider.do("tapping the map", chromedp.Click(chromedp.CSS(".place:nth-of-type(2)")))
	rider.expect("the place is taken over", `document.querySelector('[name="drop_off_address"]').value === "Harbour"`)
	rider.screenshot("wish")
	rider.press("#wish button")
	rider.expectTrip("now", "REQUESTED", "Central Station", "Harbour")
	rider.screenshot("requested")
	driver.expectToast("Ada has requested a trip.")
	driver.expectTrip("wanted", "REQUESTED", "Central Station", "Harbour")
	driver.screenshot("alerted")

	// Whoever loads the page again finds it as it was.
	driver.do("reloading", chromedp.Reload())
	driver.expectState("online")
	driver.expectTrip("wanted", "REQUESTED", "Central Station", "Harbour")
	driver.press("#wanted .trip button")
	driver.expectTrip("now", "STARTED", "Central Station", "Harbour")
	rider.expectToast("Tomás is coming to pick you up.")
	rider.expectTrip("now", "STARTED", "Central Station", "Harbour")
	rider.screenshot("started")
	driver.screenshot("started")
	rider.do("reloading", chromedp.Reload())
	rider.expectState("online")
	rider.expectTrip("now", "STARTED", "Central Station", "Harbour")
	rider.expectQuietConsole()
	driver.expectQuietConsole()

	s.drain()
	rider.expectState("waiting")
	driver.expectState("waiting")
	rider.screenshot("interrupted")
	driver.screenshot("interrupted")
	s = startServer(t, "taxi", s.address, "-db", db)
	rider.expectState("online")
	driver.expectState("online")

	driver.press("#now .trip button")
	rider.expectToast("Tomás is headed to your destination.")
	rider.expectTrip("now", "IN_PROGRESS", "Central Station", "Harbour")
	rider.screenshot("riding")
	driver.expectTrip("now", "IN_PROGRESS", "Central Station", "Harbour")
	driver.screenshot("riding")
	driver.press("#now .trip button")
	rider.expectToast("Tomás has dropped you off.")
	rider.expectTrip("done", "COMPLETED", "Central Station", "Harbour")
	rider.expect("she may ask again", `!document.getElementById("wish").hidden`)
	driver.expectTrip("done", "COMPLETED", "Central Station", "Harbour")
	rider.screenshot("completed")
	driver.screenshot("completed")
	// While the server was down, the browser itself complained; the page did not.
	rider.expectQuietConsole("WebSocket connection to", "Failed to load resource")
	driver.expectQuietConsole("WebSocket connection to", "Failed to load resource")

	driver.logOut()
	s.drain()
}

// Tokens last three seconds here. The page gets new ones, and nobody notices.
func TestTokensAreRenewed(t *testing.T) {
	t.Parallel()
	s := startServer(t, "taxi", "127.0.0.1:0", "-db", filepath.Join(t.TempDir(), "taxi.db"), "-access", "3s")
	rider := newPage(t, "renewed", phone)
	rider.open("http://" + s.address + "/")
	rider.enterAs("noor")
	for range 2 {
		rider.expect("it has a token", `(window.token = sessionStorage.getItem("taxi.auth")) !== null`)
		rider.expect("it has another one", `sessionStorage.getItem("taxi.auth") !== window.token`)
		rider.expectState("online")
	}
	rider.expect("it is not at the door", `location.pathname === "/rider/"`)
	rider.expectQuietConsole()
	s.drain()
}

// enterAs becomes a demo user by one click.
func (p *page) enterAs(username string) {
	p.t.Helper()
	p.press(fmt.Sprintf(`.person[data-username=%q]`, username))
	p.expectState("online")
}

// logOut leaves for the door.
func (p *page) logOut() {
	p.t.Helper()
	p.press("#me summary")
	p.press("#log-out")
	p.expect("it is at the door", `location.pathname === "/" && document.querySelectorAll(".person").length === 4`)
}

// press waits until a button can be pressed, and does so.
func (p *page) press(button string) {
	p.t.Helper()
	p.expect("there is "+button, fmt.Sprintf(`document.querySelector(%q).checkVisibility() && !document.querySelector(%[1]q).disabled`, button))
	p.do("pressing "+button, chromedp.Click(chromedp.CSS(button)))
}

// expectTrip waits until a section shows a trip first, in this state.
func (p *page) expectTrip(section, status, from, to string) {
	p.t.Helper()
	p.expect(fmt.Sprintf("%s shows %s from %s to %s", section, status, from, to), fmt.Sprintf(`(() => {
		const trip = document.querySelector("#%s:not([hidden]) .trip");
		return trip.dataset.status === %q && trip.querySelector(".from dd").textContent === %q && trip.querySelector(".to dd").textContent === %q;
	})()`, section, status, from, to))
}

func (p *page) expectToast(words string) {
	p.t.Helper()
	p.expect("it says "+words, fmt.Sprintf(`[...document.querySelectorAll(".toast")].some((toast) => toast.lastChild.textContent === %q)`, words))
}
