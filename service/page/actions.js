// What can be done with a picture, wherever it is shown.

import { ask, imageAddress } from "./api.js";
import { fileNameOf, nameOf, randomSeed, titleOf } from "./point.js";
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

  // The walk through the stops, or through all that is kept.
  walk() {
    const { kept, chosen } = this.#state;
    if (kept.length < 2) say("A walk needs two pictures: keep another one.");
    else this.#state.set({ chosen: chosen.length < 2 ? kept : chosen, open: "walk", at: 0 }, { push: true });
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
export async function save(url, name) {
  say(`Getting ${name}…`);
  try {
    const answer = await ask(url);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser reads it after the click
    say(`${name} saved`);
  } catch (error) {
    complain(error);
  }
}
