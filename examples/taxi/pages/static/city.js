// The demo city: streets, places with names, and the way from one address to another.
// Any address is somewhere: those that the city does not know, too.
import { hash } from "./view.js";

// Where the streets run: the numbered ones from north to south, the others across.
export const columns = [60, 150, 230, 330, 420, 520, 610, 700];
export const rows = [50, 130, 220, 300, 390, 470, 560];
export const size = { width: 760, height: 610 };

const across = ["Ash", "Birch", "Cedar", "Elm", "Fir", "Hazel", "Oak"];

const corner = (column, row) => ({ x: columns[column], y: rows[row] });

export const places = new Map([
  ["Central Station", corner(3, 4)],
  ["Harbour", corner(6, 5)],
  ["Old Mill", corner(1, 1)],
  ["City Park", corner(5, 1)],
  ["University", corner(2, 2)],
  ["Market Square", corner(4, 3)],
  ["Opera", corner(6, 3)],
  ["Hospital", corner(6, 0)],
  ["Stadium", corner(0, 4)],
  ["Lakeside", corner(2, 6)],
  ["Museum", corner(3, 0)],
  ["Botanic Garden", corner(5, 6)],
]);

const corners = new Map();
columns.forEach((x, c) => rows.forEach((y, r) => corners.set(`${c + 1} ${across[r]} Street`, { x, y })));

// locate returns where an address is.
export const locate = (address) => {
  const known = places.get(address) ?? corners.get(address);
  if (known) return known;
  const sum = hash(address.toLowerCase());
  return corner(sum % columns.length, Math.floor(sum / columns.length) % rows.length);
};

// nearest returns the address that is next to a point.
export const nearest = ({ x, y }) => {
  const far = (point) => Math.hypot(point.x - x, point.y - y);
  const best = (map) => [...map].reduce((a, b) => far(b[1]) < far(a[1]) ? b : a);
  const place = best(places);
  return far(place[1]) < 46 ? place[0] : best(corners)[0];
};

// way returns the points that a car passes from one place to another.
export const way = (from, to) => {
  if (from.x === to.x || from.y === to.y) return [from, to];
  return (from.x + from.y) % 2 ? [from, { x: to.x, y: from.y }, to] : [from, { x: from.x, y: to.y }, to];
};

// along returns the point that is so much of a way, 0 to 1, from its beginning, and
// the direction there in degrees.
export const along = (points, part) => {
  const lengths = points.slice(1).map((p, i) => Math.hypot(p.x - points[i].x, p.y - points[i].y));
  let left = part * distance(points);
  for (let i = 0; i < lengths.length; i++) {
    const a = points[i];
    const b = points[i + 1];
    if (left <= lengths[i] || i === lengths.length - 1) {
      const share = lengths[i] ? Math.min(1, left / lengths[i]) : 0;
      return {
        x: a.x + (b.x - a.x) * share,
        y: a.y + (b.y - a.y) * share,
        angle: Math.atan2(b.y - a.y, b.x - a.x) * 180 / Math.PI,
      };
    }
    left -= lengths[i];
  }
  return { ...points[0], angle: 0 };
};

export const distance = (points) => points.slice(1).reduce((sum, p, i) => sum + Math.hypot(p.x - points[i].x, p.y - points[i].y), 0);
