// The map, drawn as SVG: the city below, and above it one trip with its car, or the
// places between which somebody is choosing.
import { along, columns, distance, locate, nearest, places, rows, size, way } from "./city.js";
import { hash } from "./view.js";

const speed = 62; // of cars, in the map's units a second
const still = matchMedia("(prefers-reduced-motion: reduce)");

const draw = (name, attributes = {}, ...children) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
};

const path = (points) => `M${points.map((p) => `${p.x} ${p.y}`).join("L")}`;

// Streets go on beyond the part of the city that is always in sight.
const beyond = 900;
const outwards = (lines, step) => {
  const more = [];
  for (let i = 1; i * step < beyond; i++) more.push(lines[0] - i * step, lines.at(-1) + i * step);
  return [...lines, ...more];
};

const city = () => {
  const streets = [
    ...outwards(columns, 92).map((x) => `M${x} ${-beyond}V${beyond * 2}`),
    ...outwards(rows, 88).map((y) => `M${-beyond} ${y}H${beyond * 2}`),
  ].join("");
  const river = "M-900 760C-420 700-240 520-40 500S230 540 330 500 470 350 560 345 760 300 900 210 1300 60 1800 20";
  const group = draw("g", { class: "city" },
    draw("path", { class: "park", d: "M426 136h88v78h-88zM526 56h78v68h-78zM526 136h78v78h-78zM426 56h88v68h-88zM66 476h78v78H66zM-26 396H54v68H-26zM526 566h80v90h-80z" }),
    draw("path", { class: "river", d: river }),
    draw("path", { class: "pond", d: "M446 178c14-18 44-12 48 4s-18 22-32 18-24-10-16-22z" }),
    draw("path", { class: "kerb", d: streets }),
    draw("path", { class: "street", d: streets }),
    draw("path", { class: "kerb wide", d: `M330 ${-beyond}V${beyond * 2}M${-beyond} 390H${beyond * 2}` }),
    draw("path", { class: "street wide", d: `M330 ${-beyond}V${beyond * 2}M${-beyond} 390H${beyond * 2}` }),
  );
  for (const [name, { x, y }] of places) {
    const label = draw("text", { x, y: y + 23 }, name);
    group.append(draw("circle", { class: "place", cx: x, cy: y, r: 5 }), label);
  }
  return group;
};

const pin = (kind) => draw("g", { class: `pin ${kind}` },
  draw("circle", { class: "ring", r: 9 }),
  draw("path", { d: "M0 0C-4-8-12-13-12-22a12 12 0 0 1 24 0C12-13 4-8 0 0z" }),
  draw("circle", { class: "hole", cy: -22, r: 4.5 }),
);

const taxi = () => draw("g", { class: "car" },
  draw("circle", { class: "halo", r: 17 }),
  draw("g", { class: "body" },
    draw("rect", { class: "paint", x: -14, y: -7.5, width: 28, height: 15, rx: 5 }),
    draw("path", { class: "glass", d: "M3-5.5h4.5q2.5 5.5 0 11H3zM-10-5h3v10h-3z" }),
    draw("rect", { class: "sign", x: -4.5, y: -3, width: 5, height: 6, rx: 1.5 }),
  ),
);

export class CityMap {
  #layer = draw("g", { class: "trip" });
  #svg;
  #moving = 0;
  #shown = "";

  // picked is called with an address when the map is tapped.
  constructor(element, picked) {
    this.#svg = draw("svg", {
      viewBox: `0 0 ${size.width} ${size.height}`, preserveAspectRatio: "xMidYMid meet", role: "img", "aria-label": "Map of the city",
    }, city(), this.#layer);
    if (picked) {
      this.#svg.addEventListener("click", (event) => {
        const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.#svg.getScreenCTM().inverse());
        picked(nearest(point));
      });
    }
    element.append(this.#svg);
  }

  // choose shows where somebody wants to go, as far as that is known.
  choose(from, to) {
    this.#show(`choose ${from} ${to}`, () => {
      if (from && to) this.#route(locate(from), locate(to), "wish");
      if (from) this.#put(pin("from"), locate(from));
      if (to) this.#put(pin("to"), locate(to));
    });
  }

  // waiting shows where people wait for a taxi.
  waiting(trips) {
    this.#show(`waiting ${trips.map((trip) => trip.id).join()}`, () => {
      for (const trip of trips) {
        const place = pin("from");
        place.classList.add("waits");
        this.#put(place, locate(trip.pick_up_address));
      }
    });
  }

  // follow shows a trip, and its car where it must be by now.
  follow(trip) {
    this.#show(`${trip.id} ${trip.version}`, () => {
      const from = locate(trip.pick_up_address);
      const to = locate(trip.drop_off_address);
      this.#route(from, to, trip.status === "STARTED" ? "later" : "");
      const begin = this.#put(pin("from"), from);
      this.#put(pin("to"), to);
      if (trip.status === "REQUESTED") begin.classList.add("waits");
      if (trip.status === "STARTED") {
        const sum = hash(trip.driver.username + trip.id);
        const home = { x: columns[sum % columns.length], y: rows[Math.floor(sum / 8) % rows.length] };
        this.#route(home, from, "");
        this.#drive(way(home, from), trip.updated);
      }
      if (trip.status === "IN_PROGRESS") this.#drive(way(from, to), trip.updated);
    });
  }

  // What is shown already stays as it is: a car does not start again.
  #show(what, fill) {
    if (what === this.#shown) return;
    this.#shown = what;
    cancelAnimationFrame(this.#moving);
    this.#layer.replaceChildren();
    fill();
  }

  #put(element, { x, y }) {
    element.setAttribute("transform", `translate(${x} ${y})`);
    this.#layer.append(element);
    return element;
  }

  #route(from, to, kind) {
    this.#layer.prepend(draw("path", { class: `route ${kind}`, d: path(way(from, to)) }));
  }

  // A car's place is a matter of the clock, so a reload, and the other side's page,
  // see it in the same street.
  #drive(points, since) {
    const car = taxi();
    const begin = Date.parse(since);
    const needs = Math.max(1, distance(points) / speed * 1000);
    this.#layer.append(car);
    const move = () => {
      const part = still.matches ? 1 : Math.min(1, Math.max(0, (Date.now() - begin) / needs));
      const { x, y, angle } = along(points, part);
      car.setAttribute("transform", `translate(${x} ${y})`);
      car.lastElementChild.setAttribute("transform", `rotate(${angle})`);
      if (part < 1) this.#moving = requestAnimationFrame(move);
    };
    move();
  }
}
