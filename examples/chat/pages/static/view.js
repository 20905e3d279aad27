// What is on the screen. Text of other people enters the page as textContent only.
"use strict";

const View = (() => {
  const find = (id) => document.getElementById(id);
  const list = find("messages");
  const scroll = find("scroll");
  const most = 500; // messages in the page

  const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
  const calendar = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
  const title = document.title;
  const shown = new Map(); // id -> element
  let unseen = 0;

  const hue = (nick) => {
    let sum = 7;
    for (const c of nick) sum = (sum * 31 + c.codePointAt(0)) % 360;
    return sum;
  };

  const face = (element, nick) => {
    element.style.setProperty("--hue", hue(nick));
    element.querySelector(".face").textContent = nick ? [...nick][0].toUpperCase() : "";
  };

  const atEnd = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;

  const toEnd = () => {
    scroll.scrollTop = scroll.scrollHeight;
    find("below").hidden = true;
  };

  // Puts the heads of days and of speakers where they belong. What is right stays as
  // it is: a screen reader reads what is put in once more as if it were new.
  const arrange = () => {
    const stale = new Set(list.querySelectorAll(".day"));
    let before = null;
    for (const item of list.querySelectorAll(".message")) {
      const at = new Date(Number(item.dataset.at));
      const newDay = !before || new Date(Number(before.dataset.at)).toDateString() !== at.toDateString();
      if (newDay) stale.delete(head(item, at));
      const pause = before ? item.dataset.at - before.dataset.at : 0;
      item.classList.toggle("follows", !newDay && before.dataset.nick === item.dataset.nick &&
        before.classList.contains("mine") === item.classList.contains("mine") && pause < 5 * 60 * 1000);
      before = item;
    }
    for (const day of stale) day.remove();
    find("empty").hidden = list.children.length > 0;
  };

  // Returns the head of a day's first message.
  const head = (item, at) => {
    let day = item.previousElementSibling;
    if (!day?.matches(".day")) {
      day = document.createElement("li");
      day.className = "day";
      item.before(day);
    }
    const words = at.toDateString() === new Date().toDateString() ? "Today" : calendar.format(at);
    if (day.textContent !== words) day.textContent = words;
    return day;
  };

  const fill = (item, message, mine) => {
    item.dataset.at = message.at;
    item.dataset.nick = message.nick;
    item.classList.toggle("mine", mine);
    face(item, message.nick);
    item.querySelector(".nick").textContent = message.nick;
    item.querySelector(".text").textContent = message.text;
    const time = item.querySelector("time");
    time.dateTime = new Date(message.at).toISOString();
    time.textContent = clock.format(message.at);
  };

  // What waits for its echo stays at the end, in the order it was typed.
  const place = (item, waiting) => {
    const next = waiting ? null : list.querySelector(".waiting");
    if (item.parentNode !== list || item.nextElementSibling !== next) list.insertBefore(item, next);
  };

  const show = (messages, { mine, waiting = false, quiet = false }) => {
    const stay = atEnd();
    let added = 0;
    for (const message of messages) {
      let item = shown.get(message.id);
      if (item && !item.classList.contains("waiting")) continue;
      if (!item) {
        item = find("message").content.firstElementChild.cloneNode(true);
        item.dataset.id = message.id;
        shown.set(message.id, item);
        added++;
      }
      item.classList.remove("late", "refused");
      item.classList.toggle("waiting", waiting);
      fill(item, message, mine(message.id));
      place(item, waiting);
    }
    for (const item of [...list.querySelectorAll(".message:not(.waiting)")].slice(0, Math.max(0, shown.size - most))) {
      shown.delete(item.dataset.id);
      item.remove();
    }
    arrange();
    if (stay || waiting) toEnd();
    else if (added) find("below").hidden = false;
    if (added && !quiet && document.hidden) {
      unseen += added;
      document.title = `(${unseen}) ${title}`;
    }
  };

  // Says under a message of one's own why it is not out yet.
  const note = (id, kind, words) => {
    const item = shown.get(id);
    if (!item || !item.classList.contains("waiting")) return;
    const stay = atEnd();
    item.classList.toggle("late", kind === "late");
    item.classList.toggle("refused", kind === "refused");
    item.querySelector(".note span").textContent = words;
    if (stay) toEnd();
  };

  const remove = (id) => {
    shown.get(id)?.remove();
    shown.delete(id);
    arrange();
  };

  const state = (kind, words, notice = "") => {
    find("state").dataset.state = kind;
    find("state").lastElementChild.textContent = words;
    find("notice").hidden = !notice;
    find("notice").firstElementChild.textContent = notice;
  };

  const people = (n) => {
    // 0: nobody knows while there is no connection.
    find("people").textContent = n === 0 ? "\u00a0" : n === 1 ? "Only you are here" : `${n} people here`;
  };

  const nick = (name) => {
    find("who").hidden = !name;
    face(find("who"), name);
    find("who").lastElementChild.textContent = name;
  };

  scroll.addEventListener("scroll", () => { if (atEnd()) find("below").hidden = true; }, { passive: true });
  find("below").addEventListener("click", toEnd);
  new ResizeObserver(() => { if (find("below").hidden) toEnd(); }).observe(scroll);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    unseen = 0;
    document.title = title;
  });

  return { find, show, note, remove, state, people, nick };
})();
