// What the page shows, as plain values. All of it is in the fragment of the address, so a link shows the same and back
// and forward work; and a fragment is never sent to the server, so it may be as long as many points make it.

export const MAX_STOPS = 16; // of a walk, as the server allows

const DEFAULTS = {
  model: "", // empty: the server's default, until /models has said which that is
  version: 0,
  truncation: 1,
  label: "",
  seed: -1, // the first picture of the grid; below 0: not drawn yet
  of: "", // the point whose variations fill the grid; empty: seeds do
  distance: 0.5,
  noise: 0,
  kept: [],
  chosen: [], // of those that are kept: the stops of the walk
  loop: false,
  open: "", // the dialog: picture, walk, project or help
  picture: "", // the point that the picture's dialog shows
  at: 0, // steps along the walk
};
const BELONGS = { picture: "picture", at: "walk" }; // to a dialog: said while that is open
const CARRIED = ["kept", "chosen", "loop", "truncation", "distance"]; // what one has, not where one is: Back leaves it
const WRITE_DELAY = 150; // milliseconds: browsers refuse more than some hundred writes to the address in half a minute

export function readFragment(fragment) {
  const given = new URLSearchParams(fragment.replace(/^#/, ""));
  const state = structuredClone(DEFAULTS);
  for (const [name, fallback] of Object.entries(DEFAULTS)) {
    if (given.has(name)) state[name] = parse(given.get(name), fallback);
  }
  state.chosen = stopsOf(state);
  return state;
}

export function writeFragment(state) {
  const given = new URLSearchParams();
  for (const [name, fallback] of Object.entries(DEFAULTS)) {
    if (BELONGS[name] && BELONGS[name] !== state.open) continue;
    if (String(state[name]) !== String(fallback)) given.set(name, String(state[name]));
  }
  return `#${given}`.replaceAll("%2C", ",").replaceAll("%3A", ":");
}

const stopsOf = ({ kept, chosen }) => chosen.filter((point) => kept.includes(point)).slice(0, MAX_STOPS);

function parse(text, fallback) {
  if (Array.isArray(fallback)) return [...new Set(text.split(",").filter(Boolean))];
  if (typeof fallback === "boolean") return text === "true";
  if (typeof fallback !== "number") return text;
  return Number.isFinite(Number(text)) && text !== "" ? Number(text) : fallback;
}

export class State extends EventTarget {
  #values = readFragment(location.hash);
  #timer = 0;

  constructor() {
    super();
    for (const name of Object.keys(DEFAULTS)) {
      Object.defineProperty(this, name, { get: () => this.#values[name], enumerable: true });
    }
    addEventListener("popstate", () => {
      const given = readFragment(location.hash);
      if (!history.state?.ours) return this.#change(given); // somebody wrote another address
      for (const name of CARRIED) given[name] = this.#values[name];
      this.set(given);
    });
  }

  // Change some values. `push`: as a step that Back takes back.
  set(changes, { push = false } = {}) {
    const next = { ...this.#values, ...changes };
    next.chosen = stopsOf(next);
    clearTimeout(this.#timer);
    if (push && writeFragment(next) !== writeFragment(this.#values)) {
      this.#write(this.#values);
      history.pushState({ ours: true, pushed: true }, "", writeFragment(next));
    } else {
      this.#timer = setTimeout(() => this.#write(this.#values), WRITE_DELAY);
    }
    this.#change(next);
  }

  // The address that shows what the page shows now.
  link() {
    return new URL(writeFragment(this.#values), location.href).href;
  }

  #write(values) {
    history.replaceState({ ...history.state, ours: true }, "", writeFragment(values));
  }

  #change(next) {
    const before = this.#values;
    this.#values = next;
    const changed = new Set(Object.keys(DEFAULTS).filter((name) => String(before[name]) !== String(next[name])));
    if (changed.size) this.dispatchEvent(new CustomEvent("change", { detail: changed }));
  }
}
