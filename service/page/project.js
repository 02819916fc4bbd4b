// The dialog that looks for the point nearest to a picture of one's own.

import { address, ask, events } from "./api.js";
import { connectDialog } from "./dialogs.js";
import { untruncated } from "./point.js";
import { say } from "./status.js";

export class ProjectDialog {
  #state;
  #catalogue;
  #dialog = document.querySelector("#project");
  #file = document.querySelector("#file");
  #bar = document.querySelector("#project progress");
  #abort = new AbortController();
  #point = "";
  #best = null; // what the server last told of the search, if it told the point

  constructor(state, actions, catalogue) {
    [this.#state, this.#catalogue] = [state, catalogue];
    const closed = () => this.#abort.abort();
    this.agree = connectDialog(state, "project", this.#dialog, { opened: () => this.#reset(), closed });
    document.querySelector("#project-open").addEventListener("click", () => state.set({ open: "project" }, { push: true }));
    this.#file.addEventListener("change", () => this.#start(this.#file.files[0]));
    this.#part(".stop-project").addEventListener("click", () => this.#abort.abort());
    const on = (name, act) => this.#part(name).addEventListener("click", () => act(this.#point));
    on(".keep", (point) => {
      actions.keep(point);
      this.#showKept();
    });
    on(".vary", (point) => actions.vary(point));
    on(".inspect", (point) => actions.inspect(point));
    this.#takeDrops();
  }

  #part(selector) {
    return this.#dialog.querySelector(selector);
  }

  // A picture that is dropped or pasted anywhere on the page.
  #takeDrops() {
    const shows = (on) => document.documentElement.classList.toggle("dropping", on);
    const take = (files) => {
      const file = [...files].find(({ type }) => type.startsWith("image/"));
      if (file) this.#take(file);
      else if (files.length) say("That is no picture.");
    };
    addEventListener("dragover", (event) => {
      event.preventDefault();
      shows(event.dataTransfer.types.includes("Files"));
    });
    addEventListener("dragleave", ({ relatedTarget }) => relatedTarget || shows(false));
    addEventListener("drop", (event) => {
      event.preventDefault();
      shows(false);
      take(event.dataTransfer.files);
    });
    addEventListener("paste", ({ clipboardData }) => take(clipboardData.files));
  }

  #take(file) {
    if (this.#state.open !== "project") this.#state.set({ open: "project" }, { push: true });
    this.#start(file);
  }

  #reset() {
    this.#show("choose");
    this.#file.value = "";
    this.#tell("");
  }

  // Which of its stages the dialog is in: choose, search, found or failed.
  #show(stage) {
    this.#dialog.dataset.stage = stage;
  }

  #tell(text) {
    this.#part(".progress-text").textContent = text;
  }

  async #start(file) {
    if (!file) return;
    this.#abort.abort();
    const abort = (this.#abort = new AbortController());
    this.#showOwn(file);
    this.#part(".nearest").removeAttribute("src");
    this.#bar.removeAttribute("value");
    this.#show("search");
    this.#tell("Beginning…");
    try {
      await this.#search(file, abort.signal);
    } catch (error) {
      if (abort !== this.#abort) return; // another picture has come
      if (abort.signal.aborted) return this.#stopped();
      this.#show("failed");
      this.#tell(error.message);
    }
  }

  // What was found so far is kept, if that is known.
  #stopped() {
    if (!this.#dialog.open) return;
    if (this.#best) return this.#found(this.#best, `Stopped at step ${this.#best.step} after`);
    this.#show("failed");
    this.#tell("Stopped: the search was given up, and nothing was found.");
  }

  #showOwn(file) {
    const img = this.#part(".own");
    URL.revokeObjectURL(img.src);
    img.src = URL.createObjectURL(file);
  }

  async #search(file, signal) {
    [this.#point, this.#best] = ["", null];
    const { model, version } = this.#state;
    const steps = this.#part("#effort").value;
    const headers = { Accept: "text/event-stream", "Content-Type": file.type || "application/octet-stream" };
    const url = address("project", { model, version: version || "", steps });
    const answer = await ask(url, { method: "POST", body: file, headers, signal });
    for await (const { event, data } of events(answer)) {
      if (event === "progress") this.#progress(data);
      if (event === "result") return this.#found(data);
      if (event === "error") throw new Error(data.detail);
    }
    throw new Error("The server ended the search without a result.");
  }

  #progress(data) {
    const { step, steps, distance, png } = data;
    if (data.point && png) this.#best = data;
    this.#bar.max = steps;
    this.#bar.value = step;
    if (png) this.#part(".nearest").src = `data:image/png;base64,${png}`;
    this.#tell(`Step ${step} of ${steps}: ${likeness(distance)}`);
  }

  // What was found has a place of its own, whatever the truncation: it is to be drawn the same with the one that is set.
  #found({ point, distance, seconds, png }, how = "Found in") {
    if (this.#state.truncation < 0.05) this.#state.set({ truncation: 1 });
    this.#point = untruncated(point, this.#state.truncation, this.#catalogue.classNames.length);
    this.#part(".nearest").src = `data:image/png;base64,${png}`;
    this.#show("found");
    this.#showKept();
    this.#tell(`${how} ${seconds.toFixed(1)} s: ${likeness(distance)}`);
    this.#part(".keep").focus();
  }

  #showKept() {
    this.#part(".keep").setAttribute("aria-pressed", String(this.#state.kept.includes(this.#point)));
  }
}

// The mean squared error as people say it: how far off a colour is, of 255.
const likeness = (distance) => `colours are about ${Math.round(Math.sqrt(distance) * 255)} of 255 off`;
