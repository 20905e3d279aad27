// One room. A message gets an id and waits here until it comes back from the
// server: then everyone has it. What did not come back is sent again, with the
// same id, as soon as there is a connection; the server knows ids it has seen.
"use strict";

(() => {
  const room = document.body.dataset.room;
  const echoTime = 8000; // a socket that brings no echo for this long is dead

  const remember = (store, key, value) => {
    try { store.setItem(key, JSON.stringify(value)); } catch { /* private windows may have no storage */ }
  };
  const recall = (store, key, missing) => {
    try { return JSON.parse(store.getItem(key)) ?? missing; } catch { return missing; }
  };

  // Kept over a reload of the page, and for this room of this window only.
  const waiting = new Map(recall(sessionStorage, `waiting:${room}`, []).map((m) => [m.id, m]));
  const own = new Set(recall(sessionStorage, `own:${room}`, []));
  let nick = recall(localStorage, "nick", "");
  let known = false; // the server has accepted the nickname on this connection
  let tried = false; // this is not the first connection
  let countdown = 0;

  const save = () => {
    remember(sessionStorage, `waiting:${room}`, [...waiting.values()]);
    remember(sessionStorage, `own:${room}`, [...own].slice(-200));
  };
  const mine = (id) => own.has(id);

  const newID = () => {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
  };

  const post = (message) => {
    message.sent = 0;
    if (message.refused || !known || !link.open) return;
    message.sent = Date.now();
    link.send({ type: "chat.message", id: message.id, text: message.text });
  };

  const received = (messages, quiet) => {
    for (const message of messages) waiting.delete(message.id);
    save();
    View.show(messages, { mine, quiet });
  };

  const told = {
    connecting() {
      clearInterval(countdown);
      View.state("connecting", "Connecting", tried ? "Connecting" : "");
      tried = true;
    },
    open() {
      View.state("online", "Connected");
      if (nick) link.send({ type: "chat.nick", nick });
    },
    lost(wait) {
      known = false;
      View.people(0);
      const until = Date.now() + wait;
      const tick = () => {
        const seconds = Math.max(1, Math.ceil((until - Date.now()) / 1000));
        View.state("waiting", "Not connected", `Connection lost. Trying again in ${seconds} s.`);
      };
      tick();
      clearInterval(countdown);
      countdown = setInterval(tick, 500);
      for (const message of waiting.values()) {
        message.sent = 0;
        if (!message.refused) View.note(message.id, "late", "Will be sent when connected again");
      }
    },
    message(m) {
      switch (m.type) {
        case "chat.welcome":
          View.people(m.people);
          received(m.history, true);
          break;
        case "chat.people":
          View.people(m.people);
          break;
        case "chat.message":
          received([m], false);
          break;
        case "chat.nick":
          accepted(m.nick);
          break;
        case "chat.refused":
          refused(m);
          break;
      }
    },
  };

  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const link = new Link(`${scheme}//${location.host}/room/${encodeURIComponent(room)}/ws`, told);

  const accepted = (name) => {
    nick = name;
    remember(localStorage, "nick", nick);
    View.nick(nick);
    View.find("naming").close();
    if (known) return;
    known = true;
    for (const message of waiting.values()) post(message);
  };

  const refused = ({ id, problem }) => {
    if (!id) {
      nick = recall(localStorage, "nick", "");
      View.nick(nick);
      ask(problem);
      return;
    }
    const message = waiting.get(id);
    if (!message) return;
    message.refused = problem;
    message.sent = 0;
    save();
    View.note(id, "refused", problem);
  };

  const say = (text) => {
    const message = { id: newID(), text, nick, at: Date.now(), sent: 0 };
    waiting.set(message.id, message);
    own.add(message.id);
    save();
    View.show([message], { mine, waiting: true });
    post(message);
    if (!message.sent) View.note(message.id, "late", "Will be sent when connected again");
  };

  setInterval(() => {
    const now = Date.now();
    for (const message of waiting.values()) {
      if (!message.sent) continue;
      if (now - message.sent > echoTime) {
        link.giveUp();
        return;
      }
      if (now - message.sent > 1500) View.note(message.id, "late", "Sending");
    }
  }, 1000);

  // The nickname.
  const naming = View.find("naming");
  const ask = (problem = "") => {
    View.find("nick").value = nick;
    View.find("naming-problem").textContent = problem;
    View.find("naming-problem").hidden = !problem;
    if (!naming.open) naming.showModal();
    View.find("nick").select();
  };
  naming.addEventListener("cancel", (event) => { if (!nick) event.preventDefault(); });
  naming.firstElementChild.addEventListener("submit", (event) => {
    event.preventDefault();
    const name = View.find("nick").value.trim();
    if (!name) return;
    // Without a connection it is told to the server with the next one.
    nick = name;
    if (link.open) link.send({ type: "chat.nick", nick });
    else naming.close();
    View.nick(nick);
  });
  View.find("who").addEventListener("click", () => ask());

  // The composer.
  const text = View.find("text");
  const fit = () => {
    text.style.height = "auto";
    text.style.height = `${text.scrollHeight + 2}px`;
  };
  text.addEventListener("input", fit);
  // Enter sends, Shift and Enter break the line. The keyboards of phones may tell
  // of a line break only, and of no key.
  let shift = false;
  text.addEventListener("keydown", (event) => { shift = event.shiftKey; });
  text.addEventListener("beforeinput", (event) => {
    if (event.inputType !== "insertLineBreak" || shift || event.isComposing) return;
    event.preventDefault();
    View.find("say").requestSubmit();
  });
  View.find("say").addEventListener("submit", (event) => {
    event.preventDefault();
    const words = text.value.trim();
    if (!words) return;
    if (!nick) {
      ask();
      return;
    }
    say(words);
    text.value = "";
    fit();
    text.focus();
  });

  View.find("messages").addEventListener("click", (event) => {
    const id = event.target.closest(".message")?.dataset.id;
    const message = waiting.get(id);
    if (!message || !message.refused) return;
    if (event.target.matches(".again")) {
      delete message.refused;
      View.note(id, "late", "Sending");
      post(message);
    } else if (event.target.matches(".drop")) {
      waiting.delete(id);
      View.remove(id);
    }
    save();
  });
  View.find("notice").lastElementChild.addEventListener("click", () => link.now());

  View.nick(nick);
  View.show([...waiting.values()], { mine, waiting: true, quiet: true });
  for (const message of waiting.values()) {
    if (message.refused) View.note(message.id, "refused", message.refused);
    else View.note(message.id, "late", "Will be sent when connected again");
  }
  if (!nick) ask();
  link.now();
})();
