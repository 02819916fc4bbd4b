// Without this the page is whole, but for the slider and the reading of curves by pointer.
"use strict";

const frames = [...document.querySelectorAll(".frame")];
const slider = document.querySelector(".slider");
if (slider) {
  const input = slider.querySelector("input");
  const output = document.querySelector(".seen output");
  slider.hidden = false;
  frames.forEach((frame) => frame.decode?.().catch(() => {})); // so that none flickers when it is first shown
  input.addEventListener("input", () => {
    frames.forEach((frame, i) => { frame.hidden = i !== Number(input.value); });
    const { images, time } = frames[input.value].dataset;
    output.textContent = images + " images" + (time ? ", " + time : "");
    input.setAttribute("aria-valuetext", output.textContent);
  });
}

// One cursor over all curves: each shows its values where the pointer is.
const plots = [...document.querySelectorAll(".plot")].map((plot) => ({
  plot,
  lines: JSON.parse(plot.dataset.lines),
  cursor: plot.querySelector(".cursor"),
  values: [...plot.closest(".chart").querySelectorAll(".legend b")],
}));

function nearest(points, at) {
  return points.reduce((best, point) => (Math.abs(point[0] - at) < Math.abs(best[0] - at) ? point : best));
}

function point(at) {
  for (const { lines, cursor, values } of plots) {
    cursor.setAttribute("d", at === null ? "" : `M${at * 10} 0V1000`);
    values.forEach((value, i) => {
      value.textContent = at === null ? value.dataset.last : nearest(lines[i], at)[1].toLocaleString("en", { maximumSignificantDigits: 3 }).replace("-", "−");
    });
  }
}

for (const { plot } of plots) {
  plot.addEventListener("pointermove", (event) => {
    const box = plot.getBoundingClientRect();
    point(Math.min(100, Math.max(0, (100 * (event.clientX - box.left)) / box.width)));
  });
  plot.addEventListener("pointerleave", () => point(null));
}
