// The bar at the top: truncation, where the grid begins, and the origin of variations.

import { address, ask, common, imageAddress } from "./api.js";
import { isLatent, isSeed, nameOf, titleOf } from "./point.js";
import { Pictures } from "./pictures.js";
import { complain, settle } from "./status.js";

const WHILE_MOVING = 90; // milliseconds between two pictures of a slider that moves

export function startControls(state, actions) {
  document.querySelector("#shuffle").addEventListener("click", () => actions.shuffle());
  document.querySelector("#link").addEventListener("click", () => actions.copy(state.link(), "Link to this page"));
  connectSlider(state, "truncation", document.querySelector("#truncation"));
  connectSlider(state, "distance", document.querySelector("#distance"));
  connectSeed(state, actions, document.querySelector("#seed"));
  connectOrigin(state, actions);
  connectFold(document.querySelector("#fold"), document.querySelector("#settings"));
}

function connectSlider(state, name, slider) {
  let timer = 0;
  const output = document.querySelector(`output[for=${slider.id}]`);
  const show = () => {
    if (!timer) slider.value = state[name];
    output.textContent = Number(slider.value).toFixed(2);
  };
  const set = () => {
    timer = 0;
    state.set({ [name]: Number(slider.value) });
  };
  slider.addEventListener("input", () => {
    timer ||= setTimeout(set, WHILE_MOVING);
    show();
  });
  state.addEventListener("change", show);
  show();
}

// A seed, or any text: the server says which seed that is. A latent has none: the grid shows it and what is near it.
function connectSeed(state, actions, field) {
  const show = () => {
    if (document.activeElement !== field) field.value = state.seed < 0 ? "" : String(state.seed);
  };
  field.addEventListener("change", async () => {
    const text = field.value.trim();
    if (!text) return show();
    settle();
    try {
      if (isLatent(text)) {
        await ask(imageAddress(state, text)); // throws what is wrong with it
        actions.vary(text);
      } else {
        const seed = isSeed(text) && Number(text) < 2 ** 32 ? Number(text) : await seedOf(state, text);
        state.set({ seed, of: "" }, { push: true });
      }
    } catch (problem) {
      complain(problem);
    }
  });
  field.addEventListener("blur", show);
  state.addEventListener("change", show);
  show();
}

async function seedOf(state, text) {
  const asked = { n: 1, seed: text, ...common(state) };
  const answer = await ask(address("generate", asked));
  const seed = answer.headers.get("Figment-Seeds");
  if (!isSeed(seed ?? "")) throw new Error(`The server does not say which seed “${text}” is.`);
  return Number(seed);
}

function connectOrigin(state, actions) {
  const bar = document.querySelector("#origin");
  const pictures = new Pictures();
  const show = () => {
    const { of } = state;
    bar.hidden = !of;
    if (!of) return;
    bar.querySelector(".name").textContent = nameOf(of);
    bar.querySelector("img").alt = titleOf(of);
    pictures.show(bar.querySelector("img"), imageAddress(state, of));
  };
  bar.querySelector(".other").addEventListener("click", () => actions.shuffle());
  bar.querySelector(".back").addEventListener("click", () => state.set({ of: "" }, { push: true }));
  state.addEventListener("change", show);
  show();
}

// Where the window is narrow, the settings are folded away behind a button.
function connectFold(button, settings) {
  const fold = (open) => {
    button.setAttribute("aria-expanded", String(open));
    settings.classList.toggle("open", open);
  };
  button.addEventListener("click", () => fold(button.getAttribute("aria-expanded") !== "true"));
  addEventListener("keydown", ({ key }) => key === "Escape" && fold(false));
}
