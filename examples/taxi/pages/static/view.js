// What both pages show alike. What people have written enters as textContent only.
import * as session from "./session.js";

const find = (id) => document.getElementById(id);

export const fullName = (user) => [user.first_name, user.last_name].filter(Boolean).join(" ") || user.username;

export const shortName = (user) => user.first_name || user.username;

// hash makes a number of a text, always the same.
export const hash = (text) => {
  let sum = 7;
  for (const c of text) sum = (sum * 31 + c.codePointAt(0)) % 65521;
  return sum;
};

// face shows a user: his photo, or his first letter in a colour of his own.
export const face = (element, user) => {
  element.style.setProperty("--hue", String(hash(user.username) * 47 % 360));
  if (user.photo) {
    const image = document.createElement("img");
    image.src = user.photo;
    image.alt = "";
    element.replaceChildren(image);
  } else {
    element.textContent = [...shortName(user)][0].toUpperCase();
  }
};

export const steps = { REQUESTED: 1, STARTED: 2, IN_PROGRESS: 3, COMPLETED: 4 };

// toast shows some words for a while.
export const toast = (words, user) => {
  const item = document.createElement("p");
  item.className = "toast";
  if (user) {
    const icon = document.createElement("i");
    icon.className = "face";
    face(icon, user);
    item.append(icon);
  }
  item.append(words);
  find("toasts").append(item);
  setTimeout(() => item.classList.add("going"), 5600);
  setTimeout(() => item.remove(), 6000);
  while (find("toasts").children.length > 3) find("toasts").firstElementChild.remove();
};

// list shows trips in a section: each item is kept as long as its trip is there, so
// that nothing flickers and no button moves away from under a finger.
export const list = (section, trips, fill) => {
  const place = section.querySelector(".trips");
  const there = new Map([...place.children].map((item) => [item.dataset.id, item]));
  trips.forEach((trip, i) => {
    let item = there.get(trip.id);
    there.delete(trip.id);
    if (!item) {
      item = find("trip").content.firstElementChild.cloneNode(true);
      item.dataset.id = trip.id;
    }
    if (place.children[i] !== item) place.insertBefore(item, place.children[i] ?? null);
    item.dataset.status = trip.status;
    item.querySelector(".from dd").textContent = trip.pick_up_address;
    item.querySelector(".to dd").textContent = trip.drop_off_address;
    [...item.querySelector(".steps").children].forEach((step, n) => step.classList.toggle("done", n < steps[trip.status]));
    fill(item, trip);
  });
  for (const item of there.values()) item.remove();
};

export const who = (item, user, name, words) => {
  const icon = item.querySelector(".who .face");
  icon.classList.toggle("nobody", !user);
  if (user) face(icon, user);
  else icon.textContent = "";
  item.querySelector(".who b").textContent = name;
  item.querySelector(".who small").textContent = words;
};

// refocus puts the focus where the story goes on, if what had it is gone or disabled.
export const refocus = (selector) => {
  const now = document.activeElement;
  if (now !== document.body && now.checkVisibility() && !now.disabled) return;
  [...document.querySelectorAll(selector)].find((element) => element.checkVisibility())?.focus();
};

export const problem = (element, words = "") => {
  element.querySelector(".problem").textContent = words;
  element.querySelector(".problem").hidden = !words;
};

const state = (kind, words, notice = "") => {
  find("state").dataset.state = kind;
  find("state").lastElementChild.textContent = words;
  find("notice").hidden = !notice;
  find("notice").firstElementChild.textContent = notice;
};

// told returns what a Link is to be told with, so that the page shows how it stands.
export const told = (opened, message) => {
  let countdown = 0;
  let before = false;
  return {
    connecting() {
      clearInterval(countdown);
      state("connecting", "Connecting", before ? "Connecting" : "");
      before = true;
    },
    open() {
      state("online", "Connected");
      opened();
    },
    lost(wait) {
      const until = Date.now() + wait;
      const tick = () => {
        const seconds = Math.max(1, Math.ceil((until - Date.now()) / 1000));
        state("waiting", "Not connected", `Connection lost. Next try in ${seconds} s.`);
      };
      clearInterval(countdown);
      tick();
      countdown = setInterval(tick, 500);
    },
    message,
  };
};

// closes makes a menu close on Escape and on a click elsewhere.
const closes = (menu) => {
  document.addEventListener("pointerdown", (event) => { if (!menu.contains(event.target)) menu.open = false; });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    if (menu.contains(document.activeElement)) menu.firstElementChild.focus();
    menu.open = false;
  });
};

// header fills in who this is. It returns the user, or leaves a page that is not his.
export const header = (link) => {
  const user = session.me();
  if (!user || user.group !== document.body.dataset.group) {
    location.replace(user ? `/${user.group}/` : "/");
    return null;
  }
  face(find("me").querySelector(".face"), user);
  find("me").querySelector("span").textContent = shortName(user);
  find("me").querySelector("p").textContent = fullName(user);
  find("log-out").addEventListener("click", session.logOut);
  closes(find("me"));
  find("notice").lastElementChild.addEventListener("click", () => link().now());
  return user;
};
