// What this page knows of trips. The server is asked for all of them after every
// connect and whenever messages may have been lost; between, each change is told.
// A trip has a version, so neither can bring back what is older.
import * as session from "./session.js";

export class Trips {
  #trips = new Map(); // id -> trip
  #heard = new Set(); // ids told of while all are asked for
  #asking = 0;
  #changed;
  #mayStay;

  // changed is called after each change; mayStay(trip) says whether a trip is any of
  // this page's business.
  constructor(changed, mayStay) {
    this.#changed = changed;
    this.#mayStay = mayStay;
  }

  all() { return [...this.#trips.values()].sort((a, b) => a.created < b.created ? 1 : -1); }

  get(id) { return this.#trips.get(id); }

  // put takes in a trip and reports whether it is news.
  put(trip) {
    this.#heard.add(trip.id);
    const news = this.#put(trip);
    if (news) this.#changed();
    return news;
  }

  #put(trip) {
    const known = this.#trips.get(trip.id);
    if (known && known.version >= trip.version) return false;
    if (this.#mayStay(trip)) this.#trips.set(trip.id, trip);
    else this.#trips.delete(trip.id);
    return true;
  }

  // refresh asks for all. Of two at a time the later one counts.
  async refresh() {
    const turn = ++this.#asking;
    this.#heard.clear();
    const all = await session.get("/api/trip/");
    if (turn !== this.#asking) return;
    const there = new Set(all.map((trip) => trip.id));
    for (const id of this.#trips.keys()) {
      if (!there.has(id) && !this.#heard.has(id)) this.#trips.delete(id);
    }
    for (const trip of all) this.#put(trip);
    this.#changed();
  }
}

// keepFresh returns a function that asks for all trips, until that works, and does so
// by itself now and then: not every loss of a message is noticed by somebody.
export const keepFresh = (trips, link) => {
  const refresh = () => trips.refresh().catch(() => { if (link.open) setTimeout(refresh, 3000); });
  const look = () => { if (link.open && !document.hidden) refresh(); };
  document.addEventListener("visibilitychange", look);
  setInterval(look, 300000);
  return refresh;
};
