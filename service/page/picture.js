// The dialog of one picture: large, and everything that can be done with it.

import { ask, imageAddress } from "./api.js";
import { connectCopying } from "./copying.js";
import { connectDialog } from "./dialogs.js";
import { fileNameOf, nameOf, titleOf } from "./point.js";
import { Pictures } from "./pictures.js";
import { shortcutsOn } from "./settings.js";

export class PictureDialog {
  #state;
  #dialog = document.querySelector("#picture");
  #catalogue;
  #grid;
  #pictures = new Pictures({ failed: (_img, problem) => this.#fail(problem) });

  constructor(state, actions, catalogue, grid) {
    [this.#state, this.#catalogue, this.#grid] = [state, catalogue, grid];
    this.agree = connectDialog(state, "picture", this.#dialog, { opened: () => this.#show() });
    state.addEventListener("change", () => this.#dialog.open && state.open === "picture" && this.#show());
    const on = (name, act) => this.#part(name).addEventListener("click", () => act(state.picture));
    on(".keep", (point) => actions.keep(point));
    on(".choose", (point) => actions.choose(point));
    on(".vary", (point) => actions.vary(point));
    on(".copy-point", (point) => actions.copyPoint(point));
    on(".save", (point) => actions.download(point, this.#part(".ending").value));
    on(".before", () => this.#step(-1));
    on(".after", () => this.#step(1));
    this.#dialog.addEventListener("keydown", (event) => this.#key(event, actions));
    connectCopying(this.#part(".copying"), state, actions, () => this.#what());
  }

  #part(selector) {
    return this.#dialog.querySelector(selector);
  }

  #show() {
    const { picture, kept, chosen } = this.#state;
    this.#part("h2").textContent = titleOf(picture);
    this.#part(".code").textContent = nameOf(picture);
    this.#part("img").alt = titleOf(picture);
    this.#part(".keep").setAttribute("aria-pressed", String(kept.includes(picture)));
    this.#part(".choose").setAttribute("aria-pressed", String(chosen.includes(picture)));
    const at = this.#grid.points.indexOf(picture);
    this.#part(".before").disabled = at <= 0;
    this.#part(".after").disabled = at < 0 || at + 1 >= this.#grid.points.length;
    const url = imageAddress(this.#state, picture);
    if (this.#part("img").dataset.url !== url) this.#part(".stage").classList.remove("failed");
    this.#pictures.show(this.#part("img"), url);
    this.#showClass();
  }

  // The class that was drawn: the answer's headers say it, and the answer is in the browser's cache.
  async #showClass() {
    const { picture } = this.#state;
    const names = this.#catalogue.classNames;
    this.#tell("");
    if (!names.length) return;
    try {
      const answer = await ask(imageAddress(this.#state, picture));
      const label = answer.headers.get("Figment-Labels");
      if (label && this.#state.picture === picture) this.#tell(`Class ${names[Number(label)]}`);
    } catch (problem) {
      this.#tell(problem.message);
    }
  }

  #fail(problem) {
    this.#part(".stage").classList.add("failed");
    this.#tell(problem.message);
  }

  #tell(text) {
    this.#part(".about").textContent = text;
  }

  #step(by) {
    const { points } = this.#grid;
    const point = points[points.indexOf(this.#state.picture) + by];
    if (point) this.#state.set({ picture: point });
  }

  #key(event, actions) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select")) return;
    if (event.key === "ArrowLeft") this.#step(-1);
    if (event.key === "ArrowRight") this.#step(1);
    if (event.key === "k" && shortcutsOn()) actions.keep(this.#state.picture);
  }

  #what() {
    const { picture } = this.#state;
    const fileName = `${fileNameOf(picture)}.png`;
    const first = /^\d+$/.test(picture) ? Number(picture) : picture;
    return { url: imageAddress(this.#state, picture), fileName, call: "image", first, named: {} };
  }
}
