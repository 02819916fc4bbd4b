// The dialog of a walk: a slider between the chosen pictures that follows the hand, and what can be made of it.

import { address, common, imageAddress } from "./api.js";
import { save } from "./actions.js";
import { connectCopying } from "./copying.js";
import { connectDialog } from "./dialogs.js";
import { Frames } from "./frames.js";
import { titleOf } from "./point.js";
import { Pictures } from "./pictures.js";
import { Player } from "./player.js";
import { complain } from "./status.js";

const STEPS = 32; // from stop to stop: the same places for everybody, so that their pictures are in caches
const MAX_FRAMES = 240; // of one answer
const STRIP_FRAMES = 9; // a segment: a strip of stills is to be looked at, not played
const REDRAWN_BY = ["chosen", "loop", "model", "version", "truncation", "label"];

// Frames a segment that an animation of so many segments may have.
export function framesFor(segments, format) {
  const wanted = format === "png" ? STRIP_FRAMES : STEPS + 1;
  return Math.max(2, Math.min(wanted, Math.floor((MAX_FRAMES - 1) / segments) + 1));
}

export class WalkDialog {
  #state;
  #dialog = document.querySelector("#walk");
  #canvas = document.querySelector("#walk canvas");
  #slider = document.querySelector("#along");
  #stops = document.querySelector("#stops");
  #loop = document.querySelector("#loop");
  #smooth = document.querySelector("#smooth");
  #fps = document.querySelector("#fps");
  #frames = new Frames(-1, () => "", { arrived() {}, failed() {} });
  #pictures = new Pictures();
  #player;

  constructor(state, actions) {
    this.#state = state;
    this.#player = new Player(document.querySelector("#play"), {
      move: (step) => this.#go(step),
      ready: (step) => this.#frames.isSettled(step),
      ended: () => state.set({ at: this.#step }),
    });
    const closed = () => this.#close();
    this.agree = connectDialog(state, "walk", this.#dialog, { opened: () => this.#open(), closed });
    state.addEventListener("change", ({ detail }) => this.#agree(detail));
    this.#slider.addEventListener("input", () => this.#seek(Number(this.#slider.value)));
    this.#loop.addEventListener("change", () => state.set({ loop: this.#loop.checked }));
    this.#fps.addEventListener("input", () => this.#setPace());
    this.#smooth.addEventListener("change", () => this.#setPace());
    this.#stops.addEventListener("click", ({ target }) => {
      const stop = target.closest("button");
      if (stop) this.#seek(Number(stop.dataset.step));
    });
    document.querySelector("#export").addEventListener("click", () => this.#export());
    this.#followHand();
    connectCopying(this.#dialog.querySelector(".copying"), state, actions, () => this.#what());
  }

  get #step() {
    return Number(this.#slider.value);
  }

  get #segments() {
    const { chosen, loop } = this.#state;
    return Math.max(1, chosen.length - 1 + Number(loop));
  }

  #open() {
    this.#setPace();
    this.#begin();
  }

  #close() {
    this.#player.stop();
    this.#frames.close();
  }

  #agree(changed) {
    if (!this.#dialog.open || this.#state.open !== "walk") return;
    if (REDRAWN_BY.some((name) => changed.has(name))) this.#begin();
    else if (changed.has("at") && this.#state.at !== this.#step) this.#go(this.#state.at);
  }

  #begin() {
    const last = STEPS * this.#segments;
    this.#frames.close();
    this.#frames = new Frames(last, (step) => this.#addressOf(step), { arrived: () => this.#draw(), failed: complain });
    this.#slider.max = last;
    this.#loop.checked = this.#state.loop;
    this.#player.setWalk({ last, loop: this.#state.loop, segment: STEPS });
    this.#showStops();
    this.#go(Math.min(Math.max(0, Math.round(this.#state.at)), last));
  }

  #walk() {
    const { chosen, loop } = this.#state;
    return { seeds: chosen.join(","), loop: loop || "", ...common(this.#state) };
  }

  #addressOf(step) {
    const t = Number((step / this.#frames.last).toFixed(6));
    return address("interpolate", { ...this.#walk(), t, format: "png" });
  }

  // To a step, by hand: playing ends, and the address of the page says where one is.
  #seek(step) {
    this.#player.stop();
    this.#go(step);
    this.#state.set({ at: step });
  }

  #go(step) {
    this.#slider.value = step;
    this.#slider.setAttribute("aria-valuetext", this.#wordsOf(step));
    this.#frames.want(step);
    this.#draw();
  }

  #draw() {
    const picture = this.#frames.nearest(this.#step);
    this.#canvas.classList.toggle("waiting", !this.#frames.has(this.#step));
    if (!picture) return;
    const { width, height } = picture;
    if (this.#canvas.width !== width || this.#canvas.height !== height) Object.assign(this.#canvas, { width, height });
    const pen = this.#canvas.getContext("2d");
    pen.clearRect(0, 0, width, height);
    pen.drawImage(picture, 0, 0);
    this.#canvas.dataset.step = this.#step;
    this.#canvas.setAttribute("aria-label", `The picture ${this.#wordsOf(this.#step)}`);
  }

  #wordsOf(step) {
    const { chosen } = this.#state;
    const at = Math.floor(step / STEPS);
    const name = (i) => titleOf(chosen[i % chosen.length]);
    const share = Math.round(((step % STEPS) / STEPS) * 100);
    return share ? `${share} percent of the way from ${name(at)} to ${name(at + 1)}` : `at ${name(at)}`;
  }

  #showStops() {
    const { chosen, loop } = this.#state;
    const points = loop ? [...chosen, chosen[0]] : chosen;
    this.#stops.replaceChildren(...points.map((point, i) => {
      const item = document.querySelector("#stop").content.firstElementChild.cloneNode(true);
      const button = item.querySelector("button");
      button.dataset.step = STEPS * i;
      button.setAttribute("aria-label", `Go to stop ${i + 1}, ${titleOf(point)}`);
      this.#pictures.show(item.querySelector("img"), imageAddress(this.#state, point));
      return item;
    }));
  }

  // The picture itself is a slider too.
  #followHand() {
    const move = ({ clientX }) => {
      const { left, width } = this.#canvas.getBoundingClientRect();
      const share = Math.min(1, Math.max(0, (clientX - left) / width));
      this.#seek(Math.round(share * this.#frames.last));
    };
    this.#canvas.addEventListener("pointerdown", (event) => {
      this.#canvas.setPointerCapture(event.pointerId);
      move(event);
    });
    this.#canvas.addEventListener("pointermove", (event) => {
      if (this.#canvas.hasPointerCapture(event.pointerId)) move(event);
    });
  }

  #setPace() {
    this.#dialog.querySelector("output[for=fps]").textContent = `${this.#fps.value} a second`;
    this.#player.setPace({ fps: Number(this.#fps.value), smooth: this.#smooth.checked });
  }

  #exported() {
    const format = this.#dialog.querySelector("#format").value;
    const still = format === "png";
    const frames = framesFor(this.#segments, format);
    const paced = still ? {} : { fps: Number(this.#fps.value) };
    const easing = this.#smooth.checked ? "smooth" : "linear";
    return { frames, easing, format, ...paced, ...this.#walk() };
  }

  #fileName() {
    const { value } = this.#dialog.querySelector("#format");
    return value === "png" ? "walk-strip.png" : `walk.${value === "apng" ? "apng.png" : value}`;
  }

  #export() {
    return save(address("interpolate", this.#exported()), this.#fileName());
  }

  #what() {
    const { seeds, loop, ...named } = this.#exported();
    const first = seeds.split(",").map((point) => (/^\d+$/.test(point) ? Number(point) : point));
    const url = address("interpolate", this.#exported());
    return { url, fileName: this.#fileName(), call: "interpolate", first, named: { ...named, loop: Boolean(loop) } };
  }
}
