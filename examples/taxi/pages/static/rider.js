// A rider's page: ask for a taxi, and watch it come.
import { places } from "./city.js";
import { Link } from "./link.js";
import { CityMap } from "./map.js";
import * as session from "./session.js";
import { Trips, keepFresh } from "./trips.js";
import * as view from "./view.js";

const find = (id) => document.getElementById(id);
const form = find("wish");
const { pick_up_address: from, drop_off_address: to } = form.elements;

const words = {
  REQUESTED: "Looking for a driver",
  STARTED: "is coming to pick you up",
  IN_PROGRESS: "is driving you",
  COMPLETED: "has dropped you off",
};

const news = {
  STARTED: (driver) => `${driver} is coming to pick you up.`,
  IN_PROGRESS: (driver) => `${driver} is headed to your destination.`,
  COMPLETED: (driver) => `${driver} has dropped you off.`,
};

const map = new CityMap(find("map"), (address) => {
  if (form.hidden || wanted) return;
  const field = !from.value || document.activeElement === from ? from : to;
  field.value = address;
  (field === from && !to.value ? to : field).focus({ preventScroll: true });
  choosing();
});

const choosing = () => {
  if (!trips.all().some((trip) => trip.status !== "COMPLETED")) map.choose(from.value.trim(), to.value.trim());
};

const show = () => {
  const all = trips.all();
  const open = all.filter((trip) => trip.status !== "COMPLETED");
  view.list(find("now"), open, (item, trip) => {
    if (trip.driver) view.who(item, trip.driver, view.fullName(trip.driver), words[trip.status]);
    else view.who(item, null, words[trip.status], "Drivers have been told");
    item.querySelector("button").hidden = true;
  });
  view.list(find("done"), all.filter((trip) => trip.status === "COMPLETED").slice(0, 5), (item, trip) => {
    view.who(item, trip.driver, view.fullName(trip.driver), words[trip.status]);
    item.querySelector("button").hidden = true;
  });
  find("now").hidden = open.length === 0;
  find("done").hidden = open.length > 0 || all.length === 0;
  form.hidden = open.length > 0;
  if (open.length > 0) map.follow(open[0]);
  else choosing();
};

const trips = new Trips(show, () => true);

const told = view.told(
  () => { refresh(); wish(); },
  (message) => {
    if (message.type === "gap") refresh();
    if (message.type !== "echo.message" || !trips.put(message.data)) return;
    const { status, driver } = message.data;
    if (news[status]) view.toast(news[status](view.shortName(driver)), driver);
  },
);
const link = new Link(told);
const refresh = keepFresh(trips, link);

// A wish is kept until its answer has come. Sent again under the same key, after a
// lost connection or a reload, it is still one trip.
const kept = "taxi.wish";
let wanted = session.recall(kept);

const want = (next) => {
  wanted = next;
  session.keep(kept, next);
};

const wish = async () => {
  if (!wanted) return;
  waits("Sending");
  try {
    trips.put(await link.ask("create.trip", wanted));
    form.reset();
    view.problem(form);
  } catch (err) {
    if (!(err instanceof session.Refused)) { // after the next connect
      waits("Will be sent when connected");
      return;
    }
    view.problem(form, err.words);
  }
  want(null);
  waits("");
  show();
  view.refocus("#wish button, #now .trip");
};

// waits shows in the form why it cannot be filled in now, "" if it can.
const waits = (why) => {
  for (const field of form.elements) field.disabled = why !== "";
  form.querySelector("button").textContent = why || "Request a taxi";
};

form.addEventListener("input", choosing);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const key = Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
  want({ pick_up_address: from.value, drop_off_address: to.value, key });
  wish();
});

if (view.header(() => link)) {
  for (const name of places.keys()) find("places").append(new Option(name));
  if (wanted) {
    from.value = wanted.pick_up_address;
    to.value = wanted.drop_off_address;
    wish();
  }
  link.now();
}
