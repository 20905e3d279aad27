package browsertest

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// patience is for whatever a page, a server or a browser should do soon.
const patience = time.Minute

// screen is what a page is shown on.
type screen struct {
	width, height int64
	density       float64
	phone, dark   bool
}

var (
	desktop = screen{width: 1180, height: 800, density: 1}
	phone   = screen{width: 390, height: 780, density: 2, phone: true, dark: true}
)

// page is the one page of a browser of its own.
type page struct {
	t    *testing.T
	name string
	ctx  context.Context

	mu         sync.Mutex
	complaints []string
}

func newPage(t *testing.T, name string, s screen) *page {
	t.Helper()
	allocator, end := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(chromium(t)),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Headless,
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true),
	)
	t.Cleanup(end)
	ctx, leave := chromedp.NewContext(allocator)
	p := &page{t: t, name: name, ctx: ctx}

	// The first use of ctx starts the browser, which lives as long as ctx.
	console := chromedp.Console(ctx)
	var reading sync.WaitGroup
	reading.Go(func() { p.listen(console) })
	t.Cleanup(reading.Wait)
	t.Cleanup(leave)

	size := []chromedp.EmulateViewportOption{chromedp.EmulateScale(s.density)}
	scheme := "light"
	if s.phone {
		size = append(size, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait)
	}
	if s.dark {
		scheme = "dark"
	}
	p.do("setting the screen", chromedp.EmulateViewport(s.width, s.height, size...))
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, media); err != nil {
		t.Fatalf("%s: setting the colours: %v", name, err)
	}
	return p
}

// chromium returns the path of the browser. There is no test without one.
func chromium(t *testing.T) string {
	t.Helper()
	for _, path := range []string{"/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	t.Fatal("chromium is not installed: apt-get install chromium")
	return ""
}

// listen collects what the console shows as an error or a warning, until the
// browser's context ends.
func (p *page) listen(console iter.Seq2[chromedp.ConsoleMessage, error]) {
	for m, err := range console {
		if err != nil {
			return
		}
		switch m.Type {
		case chromedp.ConsoleError, chromedp.ConsoleWarning, chromedp.ConsoleException:
			p.mu.Lock()
			p.complaints = append(p.complaints, m.String())
			p.mu.Unlock()
		}
	}
}

// expectQuietConsole fails for every error and warning since the last call, but for
// those that contain one of the expected texts.
func (p *page) expectQuietConsole(expected ...string) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, words := range p.complaints {
		if !slices.ContainsFunc(expected, func(text string) bool { return strings.Contains(words, text) }) {
			p.t.Errorf("%s: console: %s", p.name, words)
		}
	}
	p.complaints = nil
}

func (p *page) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.screenshot("failed")
		p.t.Fatalf("%s: %s: %v", p.name, what, err)
	}
}

func (p *page) open(url string) {
	p.t.Helper()
	p.do("opening "+url, chromedp.Navigate(url))
}

// expect waits until a JavaScript expression is true. An expression that fails is
// not true yet: the page may be loading.
func (p *page) expect(what, expression string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	again := time.NewTicker(40 * time.Millisecond)
	defer again.Stop()
	for {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression))
		if ok && err == nil {
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			p.screenshot("failed")
			p.t.Fatalf("%s: waited in vain until %s (last error: %v)", p.name, what, err)
		}
	}
}

// script runs statements in the page.
func (p *page) script(what, statements string) {
	p.t.Helper()
	p.expect(what, "(() => {"+statements+"; return true; })()")
}

// chooseNick answers the page's question for a nickname.
func (p *page) chooseNick(nick string) {
	p.t.Helper()
	p.do("choosing a nickname",
		chromedp.WaitVisible(chromedp.CSS("#nick")),
		chromedp.SendKeys(chromedp.CSS("#nick"), nick+"\r"),
	)
	p.expect("the nickname is taken", `!document.getElementById("naming").open`)
}

func (p *page) say(text string) {
	p.t.Helper()
	p.do("saying "+text, chromedp.SendKeys(chromedp.CSS("#text"), text+"\r"))
}

// expectMessages waits until the page shows these messages, in this order and no
// others, each as "nick: text", those that were not sent yet as "nick: text (waiting)".
func (p *page) expectMessages(want ...string) {
	p.t.Helper()
	const messages = `Array.from(document.querySelectorAll(".message"), (m) =>
		m.querySelector(".nick").textContent + ": " + m.querySelector(".text").textContent + (m.matches(".waiting") ? " (waiting)" : ""))`
	p.expect(fmt.Sprintf("it shows %q", want), fmt.Sprintf(`JSON.stringify(%s) === JSON.stringify(%s)`, messages, quoted(want)))
}

func (p *page) expectState(state string) {
	p.t.Helper()
	p.expect("it is "+state, fmt.Sprintf(`document.getElementById("state").dataset.state === %q`, state))
}

func (p *page) expectPeople(words string) {
	p.t.Helper()
	p.expect(words, fmt.Sprintf(`document.getElementById("people").textContent === %q`, words))
}

// screenshot leaves a picture of the page where the environment wants one.
func (p *page) screenshot(name string) {
	p.t.Helper()
	dir := os.Getenv("CHANNELS_SCREENSHOTS")
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, p.name+"-"+name+".png"), picture, 0o644)
	}
	if err != nil {
		p.t.Errorf("%s: screenshot %s: %v", p.name, name, err)
	}
}

func quoted(words []string) string {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = fmt.Sprintf("%q", w)
	}
	return "[" + strings.Join(list, ",") + "]"
}
