// What a person prefers, whatever is shown: remembered by the browser, if it lets us.

const ROOT = document.documentElement;
const THEMES = ["auto", "light", "dark"];

function remembered(name, fallback) {
  try {
    return localStorage.getItem(`figment-${name}`) ?? fallback;
  } catch {
    return fallback;
  }
}

function remember(name, value) {
  try {
    localStorage.setItem(`figment-${name}`, value);
  } catch {
    // A browser that remembers nothing starts anew each time.
  }
}

// A button that goes through values of an attribute of the page, such as data-theme.
function connectChoice(button, name, values, wordsOf) {
  const show = (value) => {
    ROOT.dataset[name] = value;
    button.setAttribute("aria-label", wordsOf[value]);
    button.title = wordsOf[value];
  };
  button.addEventListener("click", () => {
    const value = values[(values.indexOf(ROOT.dataset[name]) + 1) % values.length];
    remember(name, value);
    show(value);
  });
  const value = remembered(name, values[0]);
  show(values.includes(value) ? value : values[0]);
}

export const shortcutsOn = () => ROOT.dataset.shortcuts !== "off";

export function startSettings() {
  connectChoice(document.querySelector("#theme"), "theme", THEMES, {
    auto: "Colours: as the system",
    light: "Colours: light",
    dark: "Colours: dark",
  });
  connectChoice(document.querySelector("#look"), "look", ["smooth", "crisp"], {
    smooth: "Enlarged smoothly",
    crisp: "Enlarged as crisp pixels",
  });
  const shortcuts = document.querySelector("#shortcuts");
  shortcuts.checked = remembered("shortcuts", "on") === "on";
  const agree = () => { ROOT.dataset.shortcuts = shortcuts.checked ? "on" : "off"; };
  shortcuts.addEventListener("change", () => {
    agree();
    remember("shortcuts", ROOT.dataset.shortcuts);
  });
  agree();
}
