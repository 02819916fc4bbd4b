// Pictures of <img> elements as they come into view: those in sight first, a limited number at a time.

import { access } from "./access.js";
import { ask } from "./api.js";
import { patience } from "./patience.js";

const AT_A_TIME = 6; // as many as browsers open to one server over HTTP/1.1: more would wait in an order of their own
const AHEAD = "400px"; // below the window: about a row or two

export class Pictures {
  #asked = new Map(); // img → the address it is to show
  #near = new Set(); // img elements in sight
  #running = 0;
  #observer;

  // `failed(img, problem)` is told what cannot be shown, `shown(img)` what is.
  constructor({ shown = () => {}, failed = () => {} } = {}) {
    this.shown = shown;
    this.failed = failed;
    this.#observer = new IntersectionObserver((entries) => this.#moved(entries), { rootMargin: AHEAD });
    patience.addEventListener("change", () => this.#next());
  }

  // Show what an address answers in an element, when it is in sight. What it shows stays until the other is there.
  show(img, url) {
    if (img.dataset.url === url) return;
    img.dataset.url = url;
    this.#asked.set(img, url);
    this.#observer.unobserve(img); // and observed anew, so that one in sight is told of again
    this.#observer.observe(img);
  }

  forget(img) {
    this.#observer.unobserve(img);
    this.#asked.delete(img);
    this.#near.delete(img);
    delete img.dataset.url;
  }

  #moved(entries) {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) this.#near.add(target);
      else this.#near.delete(target);
    }
    this.#next();
  }

  #next() {
    for (const img of this.#near) {
      if (this.#running >= AT_A_TIME || patience.held) return;
      if (this.#asked.has(img)) this.#load(img);
    }
  }

  async #load(img) {
    const url = this.#asked.get(img);
    this.#asked.delete(img);
    this.#running += 1;
    try {
      await put(img, url);
      if (img.dataset.url === url) this.shown(img);
    } catch (problem) {
      if (img.dataset.url === url) this.failed(img, problem);
    } finally {
      this.#running -= 1;
      this.#next();
    }
  }
}

// An <img> does not say why it failed; the same request by hand does, and waits where the server is busy. Nor does it send
// a key.
async function put(img, url) {
  try {
    if (access.key && !url.startsWith("data:")) throw new Error("an <img> sends no key");
    await load(img, url);
  } catch {
    const answer = await ask(url);
    if (img.dataset.url !== url) return;
    const local = URL.createObjectURL(await answer.blob());
    await load(img, local).finally(() => URL.revokeObjectURL(local));
  }
}

function load(img, url) {
  return new Promise((resolve, reject) => {
    img.addEventListener("load", resolve, { once: true });
    img.addEventListener("error", reject, { once: true });
    img.src = url;
  });
}
