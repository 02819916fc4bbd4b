// The key, where the service asks for one. It lies in sessionStorage: the tab forgets it when it is closed.

const NAME = "figment-key";

const form = document.querySelector("#access");
const field = form.querySelector("input");

class Access {
  #waiting = [];

  get key() {
    return sessionStorage.getItem(NAME) ?? "";
  }

  // The options of a fetch, with the key.
  signed(options) {
    return this.key ? { ...options, headers: { ...options.headers, Authorization: `Bearer ${this.key}` } } : options;
  }

  // Resolves when there is another key than the one that was refused; throws if `signal` is aborted before.
  another(refused, reason, signal) {
    if (this.key !== refused) return Promise.resolve();
    form.querySelector("p").textContent = refused ? `The server does not take this key: ${reason}` : "The server asks for a key.";
    if (form.hidden) {
      form.hidden = false;
      field.focus();
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push(resolve);
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  }

  take(key) {
    if (!key) return;
    sessionStorage.setItem(NAME, key);
    form.hidden = true;
    field.value = "";
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

export const access = new Access();
form.addEventListener("submit", (event) => {
  event.preventDefault();
  access.take(field.value.trim());
});
