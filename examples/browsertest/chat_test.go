package browsertest

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// Two people in two browsers talk in one room, and go on after the server was
// ended and started again between them.
func TestTwoBrowsersTalkThroughARestart(t *testing.T) {
	t.Parallel()
	s := startServer(t, "chat", "127.0.0.1:0")
	home := "http://" + s.address + "/"
	ada, grace := newPage(t, "ada", desktop), newPage(t, "grace", phone)

	// Ada comes by the index page, Grace by a link to the room.
	ada.open(home)
	ada.do("choosing a room", chromedp.SendKeys(chromedp.CSS(`input[name="room"]`), "lobby\r"))
	ada.expect("it is in the room", `location.pathname === "/room/lobby"`)
	ada.screenshot("nickname")
	ada.chooseNick("Ada")
	ada.expectState("online")
	ada.expectPeople("Only you are here")
	grace.open(home + "room/lobby")
	grace.chooseNick("Grace")
	ada.expectPeople("2 people here")
	grace.expectPeople("2 people here")

	ada.say("Hello! Is anybody here?")
	said := []string{"Ada: Hello! Is anybody here?"}
	grace.expectMessages(said...)
	grace.say("Yes, just came in.")
	said = append(said, "Grace: Yes, just came in.")
	ada.expectMessages(said...)
	ada.say("<img src=x onerror=document.title='broken'>")
	said = append(said, "Ada: <img src=x onerror=document.title='broken'>")
	ada.say("That should be text, and nothing else.")
	said = append(said, "Ada: That should be text, and nothing else.")
	grace.expectMessages(said...)
	grace.say("It is. The bubble breaks lines where it has to, even in long ones like this, and keeps the clock at its end.")
	said = append(said, "Grace: It is. The bubble breaks lines where it has to, even in long ones like this, and keeps the clock at its end.")
	ada.expectMessages(said...)
	grace.expectMessages(said...)
	ada.screenshot("room")
	grace.screenshot("room")

	// Who comes later sees what was said before.
	grace.open(home + "room/lobby")
	grace.expectMessages(said...)
	ada.expectQuietConsole()
	grace.expectQuietConsole()

	s.drain()
	ada.expectState("waiting")
	grace.expectState("waiting")
	ada.say("I say this to nobody.")
	ada.expectMessages(append(said, "Ada: I say this to nobody. (waiting)")...)
	ada.screenshot("interrupted")
	grace.screenshot("interrupted")

	s = startServer(t, "chat", s.address)
	ada.expectState("online")
	grace.expectState("online")
	// What was not sent is sent now, once; what was seen stays on the page.
	said = append(said, "Ada: I say this to nobody.")
	ada.expectMessages(said...)
	grace.expectMessages(said...)
	grace.say("I have read it.")
	said = append(said, "Grace: I have read it.")
	ada.expectMessages(said...)
	ada.screenshot("recovered")
	// While the server was down, the browser itself complained; the page did not.
	ada.expectQuietConsole("WebSocket connection to")
	grace.expectQuietConsole("WebSocket connection to")

	// The new process knows only what was said to it.
	grace.open(home + "room/lobby")
	grace.expectMessages(said[len(said)-2:]...)
	ada.expectMessages(said...)
	grace.expectQuietConsole()
	ada.expectQuietConsole()
	s.drain()
}

// A screen reader reads what enters the list. A message enters it once, when it is
// said, and not again with its echo; the day's head stays where it is.
func TestMessageEntersTheListOnce(t *testing.T) {
	t.Parallel()
	s := startServer(t, "chat", "127.0.0.1:0")
	ada := newPage(t, "once", desktop)
	ada.open("http://" + s.address + "/room/lobby")
	ada.chooseNick("Ada")
	ada.say("One.")
	ada.expectMessages("Ada: One.")
	ada.script("watching the list", `
		window.entered = [];
		new MutationObserver((changes) => {
			for (const change of changes) for (const node of change.addedNodes) window.entered.push(node.className || node.nodeName);
		}).observe(document.getElementById("messages"), { childList: true })`)
	ada.say("Two.")
	ada.say("Three.")
	ada.expectMessages("Ada: One.", "Ada: Two.", "Ada: Three.")
	ada.expect("each entered once", `window.entered.length === 2 && window.entered.every((name) => name.startsWith("message"))`)
	ada.expect("it is a list in a log", `document.querySelector('[role="log"] > ol#messages:not([role])') !== null`)
	ada.expectQuietConsole()
	s.drain()
}

func TestIndexListsOpenRooms(t *testing.T) {
	t.Parallel()
	s := startServer(t, "chat", "127.0.0.1:0")
	home := "http://" + s.address + "/"
	inside, outside := newPage(t, "inside", phone), newPage(t, "outside", desktop)

	inside.open(home)
	inside.screenshot("index")
	inside.open(home + "room/Küche-2")
	inside.screenshot("nickname")
	inside.chooseNick("Ada")
	inside.expectState("online")
	inside.screenshot("empty")

	outside.open(home)
	outside.expect("the room is listed", `document.querySelector(".rooms a").textContent === "Küche-21"`)
	outside.screenshot("index")
	outside.do("choosing a bad name", chromedp.SendKeys(chromedp.CSS(`input[name="room"]`), "no/such room\r"))
	outside.expect("the rule is shown", `document.getElementById("problem") !== null`)
	outside.screenshot("problem")
	outside.do("following the link", chromedp.Click(chromedp.CSS(".rooms a")))
	outside.chooseNick("  Grace  ")
	outside.expect("the name is trimmed", `document.querySelector("#who span").textContent === "Grace"`)
	inside.expectPeople("2 people here")
	inside.expectQuietConsole()
	outside.expectQuietConsole()
	s.drain()
}
