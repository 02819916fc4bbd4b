// What can be done with a picture, wherever it is shown.

import { ask, imageAddress } from "./api.js";
import { fileNameOf, nameOf, randomSeed, titleOf } from "./point.js";
import { MAX_STOPS } from "./state.js";
import { complain, say, settle } from "./status.js";

export class Actions {
  #state;

  constructor(state) {
    this.#state = state;
  }

  keep(point) {
    const { kept } = this.#state;
    const has = kept.includes(point);
    this.#state.set({ kept: has ? kept.filter((other) => other !== point) : [...kept, point] });
    say(has ? `${titleOf(point)} let go` : `${titleOf(point)} kept`);
  }

  // Make it a stop of the walk, or no longer; what is one is kept.
  choose(point) {
    const { kept, chosen } = this.#state;
    const has = chosen.includes(point);
    if (!has && chosen.length >= MAX_STOPS) return say(`A walk has ${MAX_STOPS} stops at most: take another one away first.`);
    this.#state.set({
      kept: kept.includes(point) ? kept : [...kept, point],
      chosen: has ? chosen.filter((other) => other !== point) : [...chosen, point],
    });
    say(has ? `${titleOf(point)} is no stop any more` : `${titleOf(point)} is stop ${chosen.length + 1} of the walk`);
  }

  vary(point) {
    settle();
    this.#state.set({ of: point, noise: randomSeed(), open: "" }, { push: true });
    say(`Variations of ${titleOf(point)}`);
  }

  inspect(point) {
    this.#state.set({ picture: point, open: "picture" }, { push: true });
  }

  shuffle() {
    settle();
    const { of } = this.#state;
    const seed = randomSeed();
    this.#state.set(of ? { noise: seed } : { seed }, { push: true });
    say(of ? "Other directions" : `From seed ${seed}`);
  }

  // The walk through the stops, or through what is kept, as much of it as a walk may have.
  walk() {
    const { kept, chosen } = this.#state;
    if (kept.length < 2) return say("A walk needs two pictures: keep another one.");
    const stops = chosen.length < 2 ? kept.slice(0, MAX_STOPS) : chosen;
    this.#state.set({ chosen: stops, open: "walk", at: 0 }, { push: true });
    if (chosen.length < 2 && kept.length > MAX_STOPS) {
      say(`A walk has ${MAX_STOPS} stops at most: it goes through the first ${MAX_STOPS} of ${kept.length} kept pictures.`);
    }
  }

  async copy(text, what) {
    try {
      await navigator.clipboard.writeText(text);
      say(`${what} copied`);
    } catch {
      complain(new Error(`The browser does not let this page copy. It would have been: ${text}`));
    }
  }

  copyPoint(point) {
    return this.copy(point, nameOf(point));
  }

  download(point, ending = "png") {
    return save(imageAddress(this.#state, point, ending), `${fileNameOf(point)}.${ending}`);
  }
}

// Fetch a file and hand it to the browser as a download; a problem is said instead of becoming the file.
// `options` are those of fetch. Whether it was saved.
export async function save(url, name, options = {}) {
  say(`Getting ${name}…`);
  try {
    const answer = await ask(url, options);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser reads it after the click
    say(`${name} saved`);
    return true;
  } catch (error) {
    complain(error);
    return false;
  }
}
