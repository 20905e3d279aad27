// The connection: one socket at a time, opened again after every loss, later and
// later, and never by all pages at once.
"use strict";

class Link {
  static first = 400; // milliseconds before the first try again
  static longest = 15000;
  static patience = 10000; // for the handshake

  #address;
  #told;
  #socket = null;
  #tries = 0;
  #timer = 0;
  #steady = 0;

  // told has open(), message(object), connecting() and lost(milliseconds until the next try).
  constructor(address, told) {
    this.#address = address;
    this.#told = told;
    addEventListener("online", () => this.now());
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.now(); });
    addEventListener("pageshow", (event) => { if (event.persisted) this.now(); });
  }

  get open() { return this.#socket?.readyState === WebSocket.OPEN; }

  send(object) {
    if (this.open) this.#socket.send(JSON.stringify(object));
  }

  // Connects at once unless that is done or under way.
  now() {
    if (this.#socket) return;
    clearTimeout(this.#timer);
    this.#told.connecting();
    const socket = new WebSocket(this.#address);
    this.#socket = socket;
    const late = setTimeout(() => this.#drop(socket, 0), Link.patience);
    socket.onopen = () => {
      clearTimeout(late);
      // A server that accepts and ends at once is not worth a fresh start.
      this.#steady = setTimeout(() => { this.#tries = 0; }, 5000);
      this.#told.open();
    };
    socket.onmessage = (event) => this.#told.message(JSON.parse(event.data));
    socket.onclose = (event) => {
      clearTimeout(late);
      this.#drop(socket, event.code);
    };
  }

  // Gives up a socket that seems dead, without waiting for its farewell.
  giveUp() {
    if (this.#socket) this.#drop(this.#socket, 0);
  }

  #drop(socket, code) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    clearTimeout(this.#steady);
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    const wait = this.#wait(code);
    this.#timer = setTimeout(() => this.now(), wait);
    this.#told.lost(wait);
  }

  #wait(code) {
    const longest = Math.min(Link.longest, Link.first * 2 ** this.#tries++);
    // 1012: the server restarts and everybody comes back; spread them out.
    const base = code === 1012 ? Math.max(1500, longest) : longest;
    return base * (code === 1012 ? 0.2 + 0.8 * Math.random() : 0.5 + 0.5 * Math.random());
  }
}
