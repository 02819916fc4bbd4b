// One tile of the grid or of the tray: a picture that is a button, and a smaller button for more about it.

import { isLatent, titleOf } from "./point.js";

const template = document.querySelector("#tile");

export function makeTile() {
  return template.content.firstElementChild.cloneNode(true);
}

// Let a tile stand for a point. What it showed fades, if that was another.
export function setPoint(tile, point, { origin = false, press = "Keep" } = {}) {
  if (tile.dataset.point !== point) tile.classList.remove("shown");
  tile.classList.remove("failed");
  tile.classList.toggle("origin", origin);
  tile.dataset.point = point;
  const title = origin ? `${titleOf(point)}, the origin` : titleOf(point);
  const picture = tile.querySelector(".picture");
  picture.setAttribute("aria-label", `${press} ${title}`);
  picture.title = title;
  tile.querySelector(".more").setAttribute("aria-label", `More about ${title}`);
  tile.querySelector(".name").textContent = isLatent(point) ? "" : point;
}

// `pressed`: whether its button is down; `stop`: its place in the walk from 0, or below 0.
export function markTile(tile, { pressed, stop }) {
  tile.querySelector(".picture").setAttribute("aria-pressed", String(pressed));
  tile.querySelector(".stop").textContent = stop < 0 ? "" : String(stop + 1);
}

export const imageOf = (tile) => tile.querySelector("img");
export const pointOf = (element) => element?.closest?.("li.tile")?.dataset.point;
