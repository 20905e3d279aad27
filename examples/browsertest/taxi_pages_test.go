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
