// The door: demo users by one click, log in, sign up.
import * as session from "./session.js";
import { face, shortName } from "./view.js";

const find = (id) => document.getElementById(id);
const enter = (user) => location.replace(user.group === "driver" ? "/driver/" : "/rider/");

if (session.me()) enter(session.me());

if (location.hash === "#ended") {
  find("notice").textContent = "Your session was ended. Log in again.";
  find("notice").hidden = false;
  history.replaceState(null, "", "/");
}

const complain = (form, err) => {
  const problem = form.querySelector(".problem");
  problem.textContent = err instanceof session.Refused ? err.words : "The server cannot be reached.";
  problem.hidden = false;
  for (const input of form.elements) {
    if (input.name) input.setAttribute("aria-invalid", String(input.name in (err.fields ?? {})));
  }
};

const submits = (form, work) => form.addEventListener("submit", async (event) => {
  event.preventDefault();
  form.querySelector(".problem").hidden = true;
  const button = form.querySelector("button.main");
  button.disabled = true;
  try {
    enter(await work(new FormData(form)));
  } catch (err) {
    complain(form, err);
  }
  button.disabled = false;
});

submits(find("log-in"), (data) => session.logIn(data.get("username"), data.get("password")));

submits(find("sign-up"), async (data) => {
  if (!data.get("photo")?.size) data.delete("photo");
  await session.signUp(data);
  return session.logIn(data.get("username"), data.get("password1"));
});

for (const button of document.querySelectorAll("[data-show]")) {
  button.addEventListener("click", () => {
    find("log-in").hidden = button.dataset.show !== "log-in";
    find("sign-up").hidden = button.dataset.show !== "sign-up";
    find(button.dataset.show).querySelector("input:not([type=radio])").focus();
  });
}

session.demo().then(({ password, users }) => {
  for (const user of users) {
    const button = find("person").content.firstElementChild.cloneNode(true);
    face(button.querySelector(".face"), user);
    button.dataset.username = user.username;
    button.querySelector("b").textContent = shortName(user);
    button.querySelector("small").textContent = user.group;
    button.addEventListener("click", async () => {
      try {
        enter(await session.logIn(user.username, password));
      } catch (err) {
        complain(find("log-in"), err);
      }
    });
    find("people").append(button);
  }
  find("demo").hidden = users.length === 0;
}).catch(() => { /* then there is the form */ });
