package browsertest

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

func startTaxi(t *testing.T) (s *server, home string) {
	t.Helper()
	s = startServer(t, "taxi", "127.0.0.1:0", "-db", filepath.Join(t.TempDir(), "taxi.db"))
	return s, "http://" + s.address + "/"
}

// mute makes the page's requests go nowhere, as on a connection that is dead.
const mute = `WebSocket.prototype.send = () => {}`

// A wish without an answer outlives a reload, and is forgotten with its rider.
func TestAWishIsItsRiders(t *testing.T) {
	t.Parallel()
	s, home := startTaxi(t)
	p := newPage(t, "wishing", phone)
	p.open(home)
	p.enterAs("ada")
	p.script("muting", mute)
	p.wish("Museum", "Opera")
	p.expect("it waits", `document.querySelector("#wish button").textContent === "Sending" && [...document.getElementById("wish").elements].every((e) => e.disabled)`)
	p.do("reloading", chromedp.Reload())
	p.expectTrip("now", "REQUESTED", "Museum", "Opera")

	// The next one in this tab comes by the door, or because the tab's memory is broken.
	for _, end := range []func(){p.logOut, func() {
		p.script("breaking what the tab has kept", `sessionStorage.setItem("taxi.auth", "{}")`)
		p.open(home)
	}} {
		end()
		p.enterAs("noor")
		p.script("muting", mute)
		p.wish("Harbour", "Stadium")
		p.expect("it waits", `document.querySelector("#wish button").disabled`)
		end()
		p.enterAs("ada")
		p.expectTrip("now", "REQUESTED", "Museum", "Opera")
		p.expect("it is her only one", `document.querySelectorAll("#now .trip").length === 1 && !sessionStorage.getItem("taxi.wish")`)
	}
	p.expectQuietConsole("status of 401") // of who has logged out
	s.drain()
}

// Whatever the tab's storage has, the pages work; and without their scripts no form
// puts a password into an address.
func TestPagesTakeWhatStorageHas(t *testing.T) {
	t.Parallel()
	s, home := startTaxi(t)
	p := newPage(t, "storage", desktop)
	posts := `[...document.forms].every((form) => form.method === "post")`
	p.open(home)
	for _, auth := range []string{`{`, `7`, `{"access":"a.b.c"}`, `{"access":null}`} {
		p.script("breaking the tokens", fmt.Sprintf(`sessionStorage.setItem("taxi.auth", %q)`, auth))
		p.open(home)
		p.expect("the demo users are there", `document.querySelectorAll(".person").length === 4`)
	}
	p.expect("no form has its fields in an address", posts)
	p.enterAs("ada")
	p.expect("no form has its fields in an address", posts)
	for _, wish := range []string{`{`, `7`, `null`} {
		p.script("breaking the wish", fmt.Sprintf(`sessionStorage.setItem("taxi.wish", %q)`, wish))
		p.do("reloading", chromedp.Reload())
		p.expectState("online")
	}
	p.request("Museum", "Opera")
	p.expectQuietConsole()
	s.drain()
}

func TestLongNamesWidenNoPage(t *testing.T) {
	t.Parallel()
	s, home := startTaxi(t)
	long, name, address := strings.Repeat("w", 40), strings.Repeat("W", 60), strings.Repeat("W", 255)
	narrow := screen{width: 360, height: 780, density: 1}
	rider, driver := newPage(t, "long-rider", narrow), newPage(t, "long-driver", narrow)
	for group, p := range map[string]*page{"rider": rider, "driver": driver} {
		p.open(home)
		p.press(`[data-show="sign-up"]`)
		p.do("choosing the group", chromedp.Click(chromedp.CSS(fmt.Sprintf(`[value=%q] + span`, group))))
		p.fill("#sign-up", map[string]string{
			"username": group + long[len(group):], "first_name": name, "last_name": name, "password1": "long enough", "password2": "long enough",
		})
		p.press("#sign-up button.main")
		p.expectState("online")
		p.script("keeping toasts", `
			const real = window.setTimeout;
			window.setTimeout = (work, wait) => wait === 5600 || wait === 6000 ? 0 : real(work, wait)`)
	}
	rider.request(address, address)
	driver.expectToast(name + " has requested a trip.")
	for _, p := range []*page{rider, driver} {
		p.press("#me summary")
		p.expectFits()
		p.screenshot("waiting")
		p.press("#me summary")
	}
	driver.press("#wanted .trip button")
	rider.expectToast(name + " is coming to pick you up.")
	rider.expectFits()
	driver.expectTrip("now", "STARTED", address, address)
	driver.expectFits()
	rider.screenshot("started")
	driver.screenshot("started")
	s.drain()
}

// Whoever logs out knows that his session is over: the door does not tell him so,
// even if the socket hears of it first.
func TestLoggingOutIsNoNews(t *testing.T) {
	t.Parallel()
	s, home := startTaxi(t)
	p := newPage(t, "leaving", desktop)
	p.open(home)
	p.enterAs("mei")
	p.script("delaying the answer", `
		const real = window.fetch;
		window.fetch = async (path, options) => {
			const answer = await real(path, options);
			if (path === "/api/log_out/") await new Promise((done) => setTimeout(done, 1000));
			return answer;
		}`)
	p.logOut()
	p.expect("nothing is said", `document.getElementById("notice").hidden && location.hash === ""`)

	// It is, where the session has ended without him.
	p.enterAs("mei")
	p.script("ending it", `fetch("/api/log_out/", { method: "POST", headers: { Authorization: "Bearer " + JSON.parse(sessionStorage.getItem("taxi.auth")).access } })`)
	p.expect("it is said", `document.getElementById("notice").textContent === "Your session was ended. Log in again."`)
	s.drain()
}

// The focus stays with what was done: on the trip, or on the form that was refused.
func TestFocusStaysWithTheTrip(t *testing.T) {
	t.Parallel()
	s, home := startTaxi(t)
	rider, driver := newPage(t, "focus-rider", desktop), newPage(t, "focus-driver", desktop)
	rider.open(home)
	rider.enterAs("ada")
	driver.open(home)
	driver.enterAs("mei")

	rider.script("filling in what cannot be seen", `for (const field of document.querySelectorAll("#wish input")) field.value = "a\u200bb"`)
	rider.press("#wish button")
	rider.expect("it says once what is wrong", `document.querySelector("#wish .problem").textContent === "An address has visible characters only."`)
	rider.expect("the focus is in the form", `document.activeElement.form === document.getElementById("wish")`)
	rider.fill("#wish", map[string]string{"pick_up_address": "Museum"})
	rider.fill("#wish", map[string]string{"drop_off_address": "Opera\r"})
	rider.expectTrip("now", "REQUESTED", "Museum", "Opera")
	rider.expect("the focus is on the trip", `document.activeElement.matches("#now .trip")`)
	for _, status := range []string{"STARTED", "IN_PROGRESS", "COMPLETED"} {
		button := ".trip button:not([hidden], :disabled)"
		driver.expect("there is a button", fmt.Sprintf(`document.querySelector(%q) !== null`, button))
		driver.do("pressing Enter", chromedp.SendKeys(chromedp.CSS(button), "\r"))
		driver.expect("the focus is on the trip", fmt.Sprintf(`document.activeElement.closest(".trip").dataset.status === %q`, status))
	}
	s.drain()
}

func TestMenuCloses(t *testing.T) {
	t.Parallel()
	s, home := startTaxi(t)
	p := newPage(t, "menu", desktop)
	p.open(home)
	p.enterAs("ada")
	open, closed := `document.getElementById("me").open`, `!document.getElementById("me").open`
	p.press("#me summary")
	p.expect("the menu is open", open)
	p.screenshot("open")
	p.do("pressing Escape", chromedp.SendKeys(chromedp.CSS("#log-out"), "\x1b"))
	p.expect("the menu is closed", closed)
	p.expect("the focus is where it was opened", `document.activeElement.matches("#me summary")`)
	p.press("#me summary")
	p.expect("the menu is open", open)
	p.do("clicking elsewhere", chromedp.Click(chromedp.CSS("#wish h2")))
	p.expect("the menu is closed", closed)
	p.expectQuietConsole()
	s.drain()
}

// A request that another driver takes does not vanish under the finger: its card
// stays for a moment, and so does the place of the next one.
func TestTakenRequestLingers(t *testing.T) {
	t.Parallel()
	s, home := startTaxi(t)
	rider, other, driver := newPage(t, "first", phone), newPage(t, "second", phone), newPage(t, "waiting", desktop)
	for name, p := range map[string]*page{"ada": rider, "noor": other, "mei": driver} {
		p.open(home)
		p.enterAs(name)
	}
	rider.request("Museum", "Opera")
	other.request("Harbour", "Stadium")
	driver.expect("both are there", `document.querySelectorAll("#wanted .trip").length === 2`)
	driver.expectTrip("wanted", "REQUESTED", "Museum", "Opera")
	driver.script("watching", `
		const [first, second] = document.querySelectorAll("#wanted .trip");
		const place = second.getBoundingClientRect().top;
		new MutationObserver(() => {
			if (!first.isConnected) window.gone ??= performance.now();
			else if (first.inert && second.getBoundingClientRect().top === place) window.greyed ??= performance.now();
		}).observe(first.parentElement, { subtree: true, childList: true, attributes: true })`)
	rider.expect("another driver takes it", fmt.Sprintf(takeAs, "tomas"))
	driver.expect("the card is greyed", "window.greyed > 0")
	driver.screenshot("lingers")
	driver.expect("it is gone, a moment later", `window.gone - window.greyed > 1000 && document.querySelectorAll("#wanted .trip").length === 1`)
	driver.expectTrip("wanted", "REQUESTED", "Harbour", "Stadium")
	driver.press("#wanted .trip button")
	driver.expectTrip("now", "STARTED", "Harbour", "Stadium")
	driver.expectQuietConsole()
	s.drain()
}

// expectFits waits until nothing stands out of the page at its side, and no text out of
// its box.
func (p *page) expectFits() {
	p.t.Helper()
	p.expect("all fits into its width", `document.documentElement.scrollWidth <= innerWidth &&
		[...document.querySelectorAll("body *:not(.map *)")].every((e) => e.getBoundingClientRect().right <= innerWidth + 1 &&
			(e.clientWidth === 0 || e.scrollWidth <= e.clientWidth + 1 || getComputedStyle(e).overflowX !== "visible"))`)
}

// wish fills in and sends the rider's form.
func (p *page) wish(from, to string) {
	p.t.Helper()
	p.fill("#wish", map[string]string{"pick_up_address": from, "drop_off_address": to})
	p.press("#wish button")
}
