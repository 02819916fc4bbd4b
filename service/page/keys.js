// The keyboard: letters for what is done often. Arrow keys are those of lists, and Enter presses buttons, as everywhere.

import { shortcutsOn } from "./settings.js";
import { pointOf } from "./tile.js";

export function startKeys(state, actions) {
  const onTile = {
    s: (point) => actions.choose(point),
    v: (point) => actions.vary(point),
    i: (point) => actions.inspect(point),
    c: (point) => actions.copyPoint(point),
    d: (point) => actions.download(point),
    Delete: (point) => state.kept.includes(point) && actions.keep(point),
  };
  const anywhere = {
    r: () => actions.shuffle(),
    w: () => actions.walk(),
    p: () => state.set({ open: "project" }, { push: true }),
    "/": () => focusSeed(),
    "?": () => state.set({ open: "help" }, { push: true }),
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || state.open || !shortcutsOn() || isWriting(event.target)) return;
    const point = pointOf(event.target);
    const act = (point && onTile[event.key]) || anywhere[event.key];
    if (!act) return;
    event.preventDefault();
    act(point);
  });
}

const isWriting = (element) => element.matches("input, select, textarea");

function focusSeed() {
  const fold = document.querySelector("#fold");
  if (fold.checkVisibility() && fold.getAttribute("aria-expanded") !== "true") fold.click();
  document.querySelector("#seed").select();
}
