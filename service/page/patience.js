// When the server may be asked again. All requests wait together: one that was refused speaks for the others.

const UNREACHABLE_SECONDS = 5;

class Patience extends EventTarget {
  #timer = 0;
  #left = 0;
  #waiting = [];
  #kind = "";
  #detail = "";

  // Resolves when requests may be made; throws if `signal` is aborted before.
  wait(signal) {
    signal?.throwIfAborted();
    if (!this.#left) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.push(resolve);
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  }

  get held() {
    return this.#left > 0;
  }

  busy(seconds, detail) {
    this.#hold("busy", seconds, detail);
  }

  unreachable() {
    this.#hold("unreachable", UNREACHABLE_SECONDS, "");
  }

  answered() {
    if (this.#left || !this.#kind) return;
    this.#kind = "";
    this.#tell();
  }

  // Ask now, whatever was said.
  end() {
    clearInterval(this.#timer);
    this.#left = 0;
    this.#tell();
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #hold(kind, seconds, detail) {
    if (this.#left >= seconds) return;
    clearInterval(this.#timer);
    [this.#kind, this.#left, this.#detail] = [kind, Math.ceil(seconds), detail];
    this.#timer = setInterval(() => {
      this.#left -= 1;
      if (this.#left > 0) this.#tell();
      else this.end();
    }, 1000);
    this.#tell();
  }

  #tell() {
    this.dispatchEvent(new CustomEvent("change", { detail: { kind: this.#kind, seconds: this.#left, detail: this.#detail } }));
  }
}

export const patience = new Patience();
addEventListener("online", () => patience.end());
