// A driver's page: see who waits, take a trip, and move it on.
import { Link } from "./link.js";
import { CityMap } from "./map.js";
import { Refused } from "./session.js";
import { Trips, keepFresh } from "./trips.js";
import * as view from "./view.js";

const find = (id) => document.getElementById(id);

const next = {
  REQUESTED: { status: "STARTED", words: "Drive to pick up" },
  STARTED: { status: "IN_PROGRESS", words: "Drive to drop off" },
  IN_PROGRESS: { status: "COMPLETED", words: "Complete trip" },
};

const words = {
  REQUESTED: "wants a ride",
  STARTED: "waits for you",
  IN_PROGRESS: "is in your car",
  COMPLETED: "has arrived",
};

const map = new CityMap(find("map"));
const asked = new Set(); // trips whose button was pressed, until there is an answer
let me = null;

// What is no longer wanted, because another driver has it, stays for a moment: so no
// click that was meant for it lands on the next one.
const moment = 1500;
const gone = new Map(); // id -> trip
let before = [];
const linger = (wanted) => {
  for (const trip of before) {
    if (trips.get(trip.id)) continue;
    gone.set(trip.id, trip);
    setTimeout(() => { gone.delete(trip.id); show(); }, moment);
  }
  before = wanted;
  return [...wanted, ...gone.values()].sort((a, b) => a.created < b.created ? -1 : 1); // who has waited longest comes first
};

const move = async (item, trip) => {
  asked.add(trip.id);
  view.problem(item);
  show();
  try {
    trips.put(await link.ask("update.trip", { id: trip.id, status: next[trip.status].status }));
  } catch (err) {
    // Without an answer nobody knows; the next connect asks how it stands.
    view.problem(item, err instanceof Refused ? err.message : "");
    if (err instanceof Refused) refresh();
  }
  asked.delete(trip.id);
  show();
  view.refocus(`.trip[data-id="${trip.id}"]`);
};

const fill = (item, trip, busy) => {
  item.inert = gone.has(trip.id);
  view.who(item, trip.rider, view.fullName(trip.rider), item.inert ? "has found a taxi" : words[trip.status]);
  const button = item.querySelector("button");
  button.hidden = !next[trip.status];
  button.textContent = next[trip.status]?.words;
  button.disabled = busy || asked.has(trip.id) || !link.open;
  button.onclick = () => move(item, trip);
};

const show = () => {
  const all = trips.all();
  const now = all.filter((trip) => trip.driver?.id === me.id && trip.status !== "COMPLETED");
  const wanted = all.filter((trip) => trip.status === "REQUESTED");
  const shown = linger(wanted);
  const busy = now.length > 0;
  view.list(find("now"), now, (item, trip) => fill(item, trip, false));
  view.list(find("wanted"), shown, (item, trip) => fill(item, trip, busy));
  view.list(find("done"), all.filter((trip) => trip.status === "COMPLETED").slice(0, 5), (item, trip) => fill(item, trip, true));
  find("now").hidden = !busy;
  find("wanted").hidden = busy && shown.length === 0;
  find("wanted").querySelector(".empty").hidden = shown.length > 0;
  find("done").hidden = busy || !all.some((trip) => trip.status === "COMPLETED");
  if (busy) map.follow(now[0]);
  else map.waiting(wanted);
};

// A trip that another driver has is none of this page's.
const trips = new Trips(show, (trip) => trip.status === "REQUESTED" || trip.driver?.id === me.id);

const told = view.told(
  () => { refresh(); show(); },
  (message) => {
    if (message.type === "gap") refresh();
    if (message.type !== "echo.message") return;
    const trip = message.data;
    const known = trips.get(trip.id);
    if (!trips.put(trip)) return;
    const rider = view.shortName(trip.rider);
    if (!trip.driver && !known) view.toast(`${rider} has requested a trip.`, trip.rider);
    if (trip.driver && trip.driver.id !== me.id && known) view.toast(`${view.shortName(trip.driver)} has taken ${rider}'s trip.`, trip.driver);
  },
);
const lost = told.lost;
told.lost = (wait) => { lost(wait); show(); };

const link = new Link(told);
const refresh = keepFresh(trips, link);

me = view.header(() => link);
if (me) link.now();
