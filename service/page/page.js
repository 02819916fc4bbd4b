// The page: what is connected with what.

import { Actions } from "./actions.js";
import { Catalogue } from "./catalogue.js";
import { startControls } from "./controls.js";
import { connectDialog } from "./dialogs.js";
import { Grid } from "./grid.js";
import { startKeys } from "./keys.js";
import { PictureDialog } from "./picture.js";
import { randomSeed } from "./point.js";
import { ProjectDialog } from "./project.js";
import { startSettings } from "./settings.js";
import { State } from "./state.js";
import { complain, startStatus } from "./status.js";
import { pointOf } from "./tile.js";
import { Tray } from "./tray.js";
import { WalkDialog } from "./walk.js";

const state = new State();
const actions = new Actions(state);
const catalogue = new Catalogue(state);

startStatus();
startSettings();

async function start() {
  await catalogue.load();
  document.body.classList.remove("starting");
  if (state.seed < 0) state.set({ seed: randomSeed() });
  const grid = new Grid(state, catalogue);
  const tray = new Tray(state, actions);
  startControls(state, actions);
  startKeys(state, actions);
  document.querySelector("#skip").addEventListener("click", () => grid.focusOn(grid.points[0]));
  connectPresses(document.querySelector("#grid"));
  const help = connectDialog(state, "help", document.querySelector("#help"));
  document.querySelector("#help-open").addEventListener("click", () => state.set({ open: "help" }, { push: true }));
  const dialogs = [new PictureDialog(state, actions, catalogue, grid), new WalkDialog(state, actions),
    new ProjectDialog(state, actions, catalogue)];
  tray.show();
  await grid.start();
  for (const agree of [help, ...dialogs.map((dialog) => dialog.agree)]) agree();
}

function connectPresses(grid) {
  grid.addEventListener("click", ({ target, shiftKey }) => {
    const point = pointOf(target);
    if (target.closest(".picture")) (shiftKey ? actions.choose(point) : actions.keep(point));
    if (target.closest(".more")) actions.inspect(point);
  });
}

start().catch((problem) => {
  document.querySelector("#grid").hidden = true; // it says that it is loading
  complain(problem);
});
