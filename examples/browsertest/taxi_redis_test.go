package browsertest

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// Two processes serve one city over Redis: a rider, who makes an account first, on
// one, and two drivers on the other.
func TestTwoProcessesServeOneCity(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	flags := []string{"-db", filepath.Join(t.TempDir(), "taxi.db"), "-layer", "redis://" + redis}
	one := startServer(t, "taxi", "127.0.0.1:0", flags...)
	two := startServer(t, "taxi", "127.0.0.1:0", flags...)
	rider, driver := newPage(t, "rider2", desktop), newPage(t, "driver2", phone)

	rider.open("http://" + one.address + "/")
	rider.press(`[data-show="sign-up"]`)
	rider.fill("#sign-up", map[string]string{"username": "iris", "first_name": "Iris", "password1": "long enough", "password2": "long enough too"})
	rider.press("#sign-up button.main")
	rider.expect("it says what is wrong", `document.querySelector("#sign-up .problem").textContent === "Passwords must match."`)
	rider.screenshot("sign-up")
	rider.fill("#sign-up", map[string]string{"password2": "long enough"})
	rider.press("#sign-up button.main")
	rider.expectState("online")
	driver.open("http://" + two.address + "/")
	driver.enterAs("mei")

	rider.request("University", "Opera")
	driver.expectToast("Iris has requested a trip.")
	driver.expectTrip("wanted", "REQUESTED", "University", "Opera")
	driver.screenshot("alerted")
	driver.press("#wanted .trip button")
	rider.expectToast("Mei is coming to pick you up.")
	driver.press("#now .trip button")
	rider.expectToast("Mei is headed to your destination.")
	rider.screenshot("riding")
	driver.screenshot("riding")
	driver.press("#now .trip button")
	rider.expectToast("Mei has dropped you off.")

	// Of the next trip she hears that another driver has it, who is on the first process.
	rider.request("Museum", "Lakeside")
	driver.expectTrip("wanted", "REQUESTED", "Museum", "Lakeside")
	rider.expect("another driver takes it", fmt.Sprintf(takeAs, "tomas"))
	driver.expectToast("Tomás has taken Iris's trip.")
	driver.expect("nobody waits", `document.querySelectorAll("#wanted .trip").length === 0`)
	rider.expectTrip("now", "STARTED", "Museum", "Lakeside")

	// Redis ends all its connections: messages may be lost, and the pages look again.
	const looked = `performance.getEntriesByType("resource").filter((r) => r.name.endsWith("/api/trip/")).length`
	rider.expect("it has looked", "(window.looked = "+looked+") > 0")
	_, port, _ := net.SplitHostPort(redis)
	for _, kind := range []string{"pubsub", "normal"} {
		if out, err := exec.Command("redis-cli", "-p", port, "client", "kill", "type", kind).CombinedOutput(); err != nil {
			t.Fatalf("redis-cli: %v\n%s", err, out)
		}
	}
	rider.expect("it looks again", looked+" > window.looked")
	rider.expectState("online")
	rider.expectQuietConsole("Failed to load resource: the server responded with a status of 400") // the passwords
	driver.expectQuietConsole()
	two.drain()
	driver.expectState("waiting")
	rider.expectState("online")
	one.drain()
}

// takeAs is a program of another driver, which takes the first trip that it sees.
const takeAs = `(() => {
	if (window.taking) return window.taken === true;
	window.taking = (async () => {
		const json = (answer) => answer.json();
		const tokens = await fetch("/api/log_in/", { method: "POST", body: JSON.stringify({ username: %q, password: "taxi-demo" }) }).then(json);
		const trips = await fetch("/api/trip/", { headers: { Authorization: "Bearer " + tokens.access } }).then(json);
		const socket = new WebSocket("ws://" + location.host + "/taxi/", ["taxi", "token." + tokens.access]);
		socket.onopen = () => socket.send(JSON.stringify({ type: "update.trip", id: "1", data: { id: trips[0].id, status: "STARTED" } }));
		socket.onmessage = (event) => {
			if (JSON.parse(event.data).id !== "1") return;
			window.taken = JSON.parse(event.data).type === "echo.message";
			socket.close();
		};
	})();
	return false;
})()`

func (p *page) fill(form string, fields map[string]string) {
	p.t.Helper()
	for name, value := range fields {
		field := fmt.Sprintf("%s [name=%q]", form, name)
		p.expect(name+" is empty", fmt.Sprintf(`(document.querySelector(%q).value = "") === ""`, field))
		p.do("filling in "+name, chromedp.SendKeys(chromedp.CSS(field), value))
	}
}

func (p *page) request(from, to string) {
	p.t.Helper()
	p.wish(from, to)
	p.expectTrip("now", "REQUESTED", from, to)
}
