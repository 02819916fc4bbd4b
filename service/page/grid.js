// The grid that fills the window: tiles of points, and more of them as one comes to the end.

import { titleOf } from "./point.js";
import { Pictures } from "./pictures.js";
import { Roving } from "./roving.js";
import { Seeds, Variations } from "./source.js";
import { complain } from "./status.js";
import { imageOf, makeTile, markTile, setPoint } from "./tile.js";

const ROWS_AT_A_TIME = 3;
const AHEAD = 600; // pixels below the window, in which the end makes more come
const DRAWN_BY = ["model", "version", "truncation", "label", "seed", "of", "distance", "noise"];

export class Grid {
  #state;
  #catalogue;
  #list = document.querySelector("#grid");
  #end = document.querySelector("#end");
  #source;
  #abort = new AbortController();
  #busy = false;
  #place = ""; // which pictures are shown: the beginning of the grid
  #left = new Map(); // place → how far it was scrolled, and how many tiles there were
  #pictures = new Pictures({
    shown: (img) => img.closest("li").classList.add("shown"),
    failed: (img, problem) => this.#fail(img, problem),
  });
  #roving = new Roving(this.#list, () => this.more());

  constructor(state, catalogue) {
    [this.#state, this.#catalogue] = [state, catalogue];
    history.scrollRestoration = "manual"; // the pictures come after the browser has scrolled
    state.addEventListener("change", ({ detail }) => this.#agree(detail));
    const sees = ([entry]) => entry.isIntersecting && this.more();
    new IntersectionObserver(sees, { rootMargin: `${AHEAD}px` }).observe(this.#end);
    this.#end.querySelector("button").addEventListener("click", () => this.more());
    addEventListener("resize", () => this.#fill());
  }

  get points() {
    return [...this.#list.children].map((tile) => tile.dataset.point);
  }

  focusOn(point) {
    this.#roving.focus(this.points.indexOf(point));
  }

  // Begin anew with what the state asks for; what is shown stays until the other comes.
  async start() {
    const { seed, of, noise } = this.#state;
    const place = of ? `${of} ${noise}` : `${seed}`;
    const moved = place !== this.#place;
    if (moved) this.#left.set(this.#place, { top: scrollY, count: this.#list.childElementCount });
    const { top, count } = (moved ? this.#left.get(place) : undefined) ?? { top: 0, count: 0 };
    this.#place = place;
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#source = of ? new Variations(this.#state, this.#catalogue.classNames.length, this.#abort.signal) : new Seeds(this.#state);
    this.#list.setAttribute("aria-label", of ? `Variations of ${titleOf(of)}` : "Pictures");
    this.#busy = false;
    if (moved) scrollTo({ top: 0 });
    await this.#add(Math.max(count, this.#needed(), moved ? 0 : this.#list.childElementCount), 0);
    if (moved && top) scrollTo({ top });
  }

  async more() {
    if (this.#source && !this.#busy) await this.#add(ROWS_AT_A_TIME * this.#columns(), this.#list.childElementCount);
  }

  // Put the source's next pictures into the tiles from place `from`.
  async #add(n, from) {
    const source = this.#source;
    this.#wait(true);
    try {
      const items = await source.more(n);
      if (source !== this.#source) return;
      this.#put(items, from);
    } catch (error) {
      if (source !== this.#source || this.#catalogue.fallBack(error)) return;
      this.#source = null;
      this.#cut(from);
      complain(error);
    }
    this.#wait(false);
    this.#fill();
  }

  #wait(busy) {
    this.#busy = busy;
    this.#list.setAttribute("aria-busy", String(busy));
  }

  #put(items, from) {
    items.forEach(({ point, url, origin }, i) => {
      const tile = this.#list.children[from + i] ?? this.#list.appendChild(makeTile());
      setPoint(tile, point, { origin });
      this.#pictures.show(imageOf(tile), url);
    });
    this.#cut(from + items.length);
    this.#mark();
    this.#roving.settle();
  }

  #cut(length) {
    for (const tile of [...this.#list.children].slice(length)) {
      this.#pictures.forget(imageOf(tile));
      tile.remove();
    }
  }

  #fail(img, problem) {
    if (this.#catalogue.fallBack(problem)) return;
    img.closest("li").classList.add("failed");
    complain(problem);
  }

  #agree(changed) {
    if (DRAWN_BY.some((name) => changed.has(name))) this.start();
    if (changed.has("kept") || changed.has("chosen")) this.#mark();
  }

  #mark() {
    const { kept, chosen } = this.#state;
    for (const tile of this.#list.children) {
      const { point } = tile.dataset;
      markTile(tile, { pressed: kept.includes(point), stop: chosen.indexOf(point) });
    }
  }

  #columns() {
    return getComputedStyle(this.#list).gridTemplateColumns.split(" ").length;
  }

  // Tiles that fill the window and a row more.
  #needed() {
    const columns = this.#columns();
    return (Math.ceil((innerHeight * columns) / this.#list.clientWidth) + 1) * columns;
  }

  #fill() {
    if (this.#end.getBoundingClientRect().top < innerHeight + AHEAD / 2) this.more();
  }
}
