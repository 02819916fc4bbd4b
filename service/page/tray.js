// The tray of what is kept: press one to make it a stop of the walk.

import { address, common, imageAddress } from "./api.js";
import { save } from "./actions.js";
import { Pictures } from "./pictures.js";
import { titleOf } from "./point.js";
import { Roving } from "./roving.js";
import { complain, settle } from "./status.js";
import { imageOf, makeTile, markTile, pointOf, setPoint } from "./tile.js";

const SHOWN_BY = ["kept", "chosen", "model", "version", "truncation", "label"];
const MAX_ZIP = 64; // pictures of one request to /generate

export class Tray {
  #state;
  #tray = document.querySelector("#tray");
  #list = document.querySelector("#kept");
  #pictures = new Pictures({
    shown: (img) => img.closest("li").classList.add("shown"),
    failed: (img, problem) => {
      img.closest("li").classList.add("failed");
      complain(problem);
    },
  });
  #roving = new Roving(this.#list);

  constructor(state, actions) {
    this.#state = state;
    state.addEventListener("change", ({ detail }) => SHOWN_BY.some((name) => detail.has(name)) && this.show());
    this.#list.addEventListener("click", ({ target }) => {
      const point = pointOf(target);
      if (target.closest(".picture")) actions.choose(point);
      if (target.closest(".more")) actions.inspect(point);
    });
    document.querySelector("#walk-open").addEventListener("click", () => actions.walk());
    document.querySelector("#save-all").addEventListener("click", () => this.#saveAll());
    document.querySelector("#clear").addEventListener("click", () => state.set({ kept: [], chosen: [] }));
  }

  show() {
    const { kept, chosen } = this.#state;
    this.#tray.classList.toggle("empty", !kept.length);
    const tiles = new Map([...this.#list.children].map((tile) => [tile.dataset.point, tile]));
    for (const [point, tile] of tiles) if (!kept.includes(point)) this.#drop(tile);
    for (const point of kept) {
      const tile = tiles.get(point) ?? this.#add(point);
      markTile(tile, { pressed: chosen.includes(point), stop: chosen.indexOf(point) });
      this.#pictures.show(imageOf(tile), imageAddress(this.#state, point));
    }
    const walk = document.querySelector("#walk-open");
    walk.disabled = kept.length < 2;
    walk.querySelector("span").textContent = chosen.length > 1 ? `Walk (${chosen.length})` : "Walk";
    this.#roving.settle();
  }

  #add(point) {
    const tile = this.#list.appendChild(makeTile());
    setPoint(tile, point, { press: "Walk through" });
    tile.scrollIntoView({ block: "nearest", inline: "end" });
    return tile;
  }

  #drop(tile) {
    const had = tile.contains(document.activeElement);
    const at = [...this.#list.children].indexOf(tile);
    this.#pictures.forget(imageOf(tile));
    tile.remove();
    if (had) this.#roving.focus(at);
  }

  // In a body: the numbers of many latents are too long for an address.
  async #saveAll() {
    settle();
    const { kept } = this.#state;
    const url = address("generate", { format: "zip", ...common(this.#state) });
    const body = JSON.stringify({ seeds: kept.slice(0, MAX_ZIP) });
    const headers = { "Content-Type": "application/json" };
    const saved = await save(url, "figment.zip", { method: "POST", body, headers });
    if (!saved || kept.length <= MAX_ZIP) return;
    const left = `${kept.length - MAX_ZIP} of ${kept.length} kept pictures, from ${titleOf(kept[MAX_ZIP])} on`;
    complain(new Error(`A zip has ${MAX_ZIP} pictures at most. Left out: ${left}.`));
  }
}
