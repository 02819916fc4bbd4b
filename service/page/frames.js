// The pictures along a walk, by their step. The newest one that was wanted matters most, then its neighbours.

import { ask } from "./api.js";

const AT_A_TIME = 4;
const KEPT = 160; // pictures in memory

export class Frames {
  #pictures = new Map(); // step → ImageBitmap
  #loading = new Map(); // step → AbortController
  #failed = new Set();
  #wanted = 0;
  #direction = 1;

  // `addressOf(step)` for 0 … last; `arrived(step)` is told of each, `failed(problem)` of what cannot be had.
  constructor(last, addressOf, { arrived, failed }) {
    this.last = last;
    this.addressOf = addressOf;
    this.arrived = arrived;
    this.failed = failed;
  }

  has(step) {
    return this.#pictures.has(step);
  }

  // Whether waiting for a step brings nothing more: it is here, or cannot be had.
  isSettled(step) {
    return this.has(step) || this.#failed.has(step);
  }

  // The picture that is nearest to a step among those that are here; undefined if there is none.
  nearest(step) {
    const best = nearestTo(step, this.#pictures.keys());
    return this.#pictures.get(best);
  }

  want(step) {
    if (step !== this.#wanted) this.#direction = Math.sign(step - this.#wanted);
    this.#wanted = step;
    this.#makeRoom();
    this.#next();
  }

  close() {
    for (const controller of this.#loading.values()) controller.abort();
    for (const picture of this.#pictures.values()) picture.close();
    this.#pictures.clear();
    this.last = -1;
  }

  // A request for another place gives way to one that a hand waits for.
  #makeRoom() {
    if (this.#isNeeded(this.#wanted) && this.#loading.size >= AT_A_TIME) {
      const farthest = [...this.#loading.keys()].reduce((a, b) => (this.#far(a) >= this.#far(b) ? a : b));
      this.#loading.get(farthest).abort();
      this.#loading.delete(farthest);
    }
  }

  #next() {
    while (this.#loading.size < AT_A_TIME) {
      const step = this.#choose();
      if (step === undefined) return;
      this.#load(step);
    }
  }

  // The wanted step, or the nearest that is missing; ahead, where the hand is going, before behind.
  #choose() {
    for (let distance = 0; distance <= Math.min(this.last, KEPT / 2); distance += 1) {
      for (const step of [this.#wanted + distance * this.#direction, this.#wanted - distance * this.#direction]) {
        if (step >= 0 && step <= this.last && this.#isNeeded(step)) return step;
      }
    }
    return undefined;
  }

  #isNeeded(step) {
    return !this.#pictures.has(step) && !this.#loading.has(step) && !this.#failed.has(step);
  }

  #far(step) {
    return Math.abs(step - this.#wanted);
  }

  async #load(step) {
    const controller = new AbortController();
    this.#loading.set(step, controller);
    try {
      const answer = await ask(this.addressOf(step), { signal: controller.signal });
      const picture = await createImageBitmap(await answer.blob());
      controller.signal.throwIfAborted();
      this.#keep(step, picture);
      this.arrived(step);
    } catch (problem) {
      if (controller.signal.aborted) return;
      this.#failed.add(step);
      this.failed(problem);
    } finally {
      if (this.#loading.get(step) === controller) this.#loading.delete(step);
      this.#next();
    }
  }

  #keep(step, picture) {
    this.#pictures.set(step, picture);
    if (this.#pictures.size <= KEPT) return;
    const farthest = [...this.#pictures.keys()].reduce((a, b) => (this.#far(a) >= this.#far(b) ? a : b));
    this.#pictures.get(farthest).close();
    this.#pictures.delete(farthest);
  }
}

export function nearestTo(step, steps) {
  let best;
  for (const each of steps) {
    if (best === undefined || Math.abs(each - step) < Math.abs(best - step)) best = each;
  }
  return best;
}
