// The models that are served: which one, which version, which class.

import { address, askJson } from "./api.js";
import { complain } from "./status.js";

export class Catalogue {
  #state;
  #models = [];
  #model = document.querySelector("#model");
  #version = document.querySelector("#version");
  #label = document.querySelector("#label");

  constructor(state) {
    this.#state = state;
    this.#model.addEventListener("change", () => {
      const { name, version } = this.#models.find(({ name }) => name === this.#model.value);
      state.set({ model: name, version, label: "", of: "" }, { push: true });
    });
    this.#version.addEventListener("change", () => {
      state.set({ version: Number(this.#version.value), label: "", of: "" }, { push: true });
    });
    this.#label.addEventListener("change", () => state.set({ label: this.#label.value }, { push: true }));
    state.addEventListener("change", ({ detail }) => {
      if (["model", "version", "label"].some((name) => detail.has(name))) this.#show();
    });
  }

  // Ask which models there are, and complete the state with the default one. Throws a Problem.
  async load() {
    this.#models = (await askJson(address("models"))).models;
    const { model, version } = this.#state;
    const chosen = this.#entry ?? this.#models.find((entry) => entry.default) ?? this.#models[0];
    if (!chosen) throw new Error("No model is served yet.");
    if (!this.#entry) this.#state.set({ model: chosen.name, version: chosen.version, label: "" });
    if (model && model !== chosen.name) complain(new Error(`No model ${model} is served. ${chosen.name} is shown instead.`));
    else if (!version) this.#state.set({ version: chosen.version });
    this.#show();
  }

  get #entry() {
    return this.#models.find(({ name }) => name === this.#state.model);
  }

  // Of the version that is shown; the listing knows those of the newest one alone.
  get classNames() {
    const entry = this.#entry;
    return entry && entry.version === this.#state.version ? entry.class_names : [];
  }

  // Show the newest version instead of one that the server does not have, and what it said; false if that is not it.
  fallBack(problem) {
    const { version } = this.#entry ?? {};
    if (problem.status !== 404 || !version || version === this.#state.version) return false;
    this.#state.set({ version });
    complain(new Error(`${problem.message} Version ${version}, the newest, is shown instead.`));
    return true;
  }

  // Width / height of its pictures.
  get ratio() {
    const [height, width] = this.#entry?.image_shape ?? [1, 1];
    return width / height;
  }

  #show() {
    const { model, version, label } = this.#state;
    fill(this.#model, this.#models.map(({ name }) => [name, name]), model);
    const versions = this.#entry?.versions ?? [version];
    fill(this.#version, versions.map((number) => [String(number), `v${number}`]), String(version));
    const names = this.classNames;
    fill(this.#label, [["", "any class"], ...names.map((name) => [name, name])], label);
    this.#version.closest("label").hidden = versions.length < 2;
    this.#label.closest("label").hidden = !names.length && !label;
    document.documentElement.style.setProperty("--ratio", String(this.ratio));
  }
}

function fill(select, options, value) {
  if (value && !options.some(([each]) => each === value)) options.push([value, value]);
  select.replaceChildren(...options.map(([each, text]) => new Option(text, each, false, each === value)));
}
