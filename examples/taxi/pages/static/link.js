// The connection: one socket at a time, opened again after every loss, later and
// later, and never by all pages at once. Requests wait for their answer by id.
import * as session from "./session.js";

const first = 400; // milliseconds before the first try again
const longest = 15000;
const patience = 10000; // for the handshake, and for an answer

const loggedOut = 4401; // the token has expired, or the session was ended

export class Link {
  #told;
  #socket = null;
  #busy = false;
  #tries = 0;
  #timer = 0;
  #steady = 0;
  #last = 0;
  #asked = new Map(); // id -> {resolve, reject, timer}

  // told has open(), message(object), connecting() and lost(milliseconds until the next try).
  constructor(told) {
    this.#told = told;
    addEventListener("online", () => this.now());
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.now(); });
    addEventListener("pageshow", (event) => { if (event.persisted) this.now(); });
  }

  get open() { return this.#socket?.readyState === WebSocket.OPEN; }

  // ask sends a request and returns its answer. It fails with Refused if the server
  // says no, and with another error if nobody knows what became of it.
  ask(type, data) {
    return new Promise((resolve, reject) => {
      if (!this.open) { reject(new Error("Not connected.")); return; }
      const id = String(++this.#last);
      const timer = setTimeout(() => this.#drop(this.#socket, 0), patience);
      this.#asked.set(id, { resolve, reject, timer });
      this.#socket.send(JSON.stringify({ type, id, data }));
    });
  }

  // Connects at once unless that is done or under way.
  async now() {
    if (this.#socket || this.#busy) return;
    clearTimeout(this.#timer);
    this.#busy = true;
    this.#told.connecting();
    let token;
    try {
      // A refused handshake tells a page nothing, so after a failure it asks by a
      // plain request first, which says whether the token is still good.
      if (this.#tries > 1) await session.get("/api/trip/");
      token = await session.access();
    } catch {
      this.#busy = false;
      this.#later(0);
      return;
    }
    this.#busy = false;
    this.#connect(token);
  }

  #connect(token) {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    // A page can set no header; a subprotocol, unlike the query, is in no log.
    const socket = new WebSocket(`${scheme}//${location.host}/taxi/`, ["taxi", `token.${token}`]);
    this.#socket = socket;
    const late = setTimeout(() => this.#drop(socket, 0), patience);
    socket.onopen = () => {
      clearTimeout(late);
      // A server that accepts and ends at once is not worth a fresh start.
      this.#steady = setTimeout(() => { this.#tries = 0; }, 5000);
      this.#told.open();
    };
    socket.onmessage = (event) => this.#heard(JSON.parse(event.data));
    socket.onclose = (event) => {
      clearTimeout(late);
      this.#drop(socket, event.code);
    };
  }

  #heard(message) {
    const waiting = this.#asked.get(message.id);
    if (!waiting) { this.#told.message(message); return; }
    this.#asked.delete(message.id);
    clearTimeout(waiting.timer);
    if (message.type === "error") waiting.reject(new session.Refused(0, message.error));
    else waiting.resolve(message.data);
  }

  #drop(socket, code) {
    if (!socket || socket !== this.#socket) return;
    this.#socket = null;
    clearTimeout(this.#steady);
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    for (const { reject, timer } of this.#asked.values()) {
      clearTimeout(timer);
      reject(new Error("The connection was lost."));
    }
    this.#asked.clear();
    if (code === loggedOut) {
      // A new token, and back at once; without one the page is left.
      session.access(true).then(() => this.now(), () => this.#later(code));
      return;
    }
    this.#later(code);
  }

  #later(code) {
    const most = Math.min(longest, first * 2 ** this.#tries++);
    // 1012: the server restarts and everybody comes back; spread them out.
    const wait = code === 1012 ? Math.max(1500, most) * (0.2 + 0.8 * Math.random()) : most * (0.5 + 0.5 * Math.random());
    this.#timer = setTimeout(() => this.now(), wait);
    this.#told.lost(wait);
  }
}
