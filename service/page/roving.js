// One stop of the Tab key for a whole list of tiles; arrow keys move among them, as the eye sees them.

const STEPS = { ArrowLeft: -1, ArrowRight: 1 };
const ROWS = { ArrowUp: -1, ArrowDown: 1 };

export class Roving {
  #list;
  #beyond;

  // `beyond()` may add tiles when somebody goes past the last; it answers when they are there.
  constructor(list, beyond = async () => {}) {
    this.#list = list;
    this.#beyond = beyond;
    list.addEventListener("focusin", ({ target }) => this.settle(target.closest("li")));
    list.addEventListener("keydown", (event) => this.#move(event));
  }

  // Make a tile the stop; the first, if there is none yet.
  settle(tile = null) {
    const tabbable = [...this.#list.querySelectorAll('button[tabindex="0"]')];
    if (!tile && tabbable.length) return;
    for (const button of tabbable) button.tabIndex = -1;
    const stop = tile ?? this.#list.firstElementChild;
    for (const button of stop?.querySelectorAll("button") ?? []) button.tabIndex = 0;
  }

  focus(at) {
    const tiles = this.#list.children;
    const tile = tiles[Math.max(0, Math.min(at, tiles.length - 1))];
    tile?.querySelector("button").focus();
    tile?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  async #move(event) {
    const tile = event.target.closest("li");
    if (!tile || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const at = [...this.#list.children].indexOf(tile);
    const to = this.#placeAfter(event.key, tile, at);
    if (to === undefined) return;
    event.preventDefault();
    if (to >= this.#list.childElementCount) await this.#beyond();
    this.focus(to);
  }

  #placeAfter(key, tile, at) {
    const length = this.#list.childElementCount;
    if (key in STEPS) return Math.max(0, at + STEPS[key]);
    if (key === "Home") return 0;
    if (key === "End") return length - 1;
    if (!(key in ROWS)) return undefined;
    return this.#inNextRow(tile, ROWS[key]) ?? (key === "ArrowDown" ? length : at);
  }

  // The tile of the next row that is nearest; undefined, if there is no such row.
  #inNextRow(tile, direction) {
    const from = tile.getBoundingClientRect();
    const far = (to) => Math.abs(to.top - from.top) * 1000 + Math.abs(to.left + to.width / 2 - from.left - from.width / 2);
    let [best, nearest] = [undefined, Infinity];
    [...this.#list.children].forEach((other, i) => {
      const to = other.getBoundingClientRect();
      const beside = direction > 0 ? to.top >= from.bottom - 1 : to.bottom <= from.top + 1;
      if (beside && far(to) < nearest) [best, nearest] = [i, far(to)];
    });
    return best;
  }
}
