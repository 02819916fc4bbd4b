// Where the pictures of the grid come from, without an end: seeds one after the other, or variations of a point.

import { address, askJson, common, imageAddress } from "./api.js";
import { SEED_COUNT, untruncated } from "./point.js";

const VARIATIONS = 24; // a request: quick to come, and enough for some rows

// Items are {point, url}; `more(n)` answers about n of them.
export class Seeds {
  #state;
  #next = 0;

  constructor(state) {
    this.#state = state;
  }

  async more(n) {
    return Array.from({ length: n }, () => {
      const point = String((this.#state.seed + this.#next++) % SEED_COUNT);
      return { point, url: imageAddress(this.#state, point) };
    });
  }
}

export class Variations {
  #state;
  #classes;
  #signal;
  #next = 0;

  // `classes`: how many the model has.
  constructor(state, classes, signal) {
    [this.#state, this.#classes, this.#signal] = [state, classes, signal];
  }

  async more(_n) {
    const first = this.#next === 0;
    const answer = await askJson(this.#address(), { signal: this.#signal });
    this.#next += VARIATIONS;
    const { of, truncation } = this.#state;
    const items = answer.images.map(({ point, png }) => {
      return { point: untruncated(point, truncation, this.#classes), url: `data:image/png;base64,${png}` };
    });
    return first ? [{ point: of, url: imageAddress(this.#state, of), origin: true }, ...items] : items;
  }

  #address() {
    const { of, distance, noise } = this.#state;
    const asked = { seed: of, n: VARIATIONS, distance, noise: (noise + this.#next) % SEED_COUNT, format: "json" };
    return address("variations", { ...asked, ...common(this.#state) });
  }
}
