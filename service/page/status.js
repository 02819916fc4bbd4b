// What is said to everybody at the bottom of the window: short notes, problems, and how long a busy server asks to wait.

import { patience } from "./patience.js";

const NOTE_SECONDS = 4;

const note = document.querySelector("#note");
const problem = document.querySelector("#problem");
const waiting = document.querySelector("#waiting");
let timer = 0;
let putAway = ""; // what is not said again until something else is done

// Say something in passing.
export function say(text) {
  clearTimeout(timer);
  note.textContent = text;
  timer = setTimeout(() => { note.textContent = ""; }, NOTE_SECONDS * 1000);
}

// Say what went wrong; it stays until it is put away, or what was wrong is done again.
export function complain(error) {
  const text = error.message || String(error);
  if (text === putAway) return;
  problem.querySelector("p").textContent = text;
  problem.hidden = false;
}

export function settle() {
  putAway = "";
  problem.hidden = true;
}

const REASONS = {
  busy: "The server is busy",
  unreachable: "The server cannot be reached",
};

function showWait({ detail: { kind, seconds, detail } }) {
  const held = Boolean(kind);
  if (held && waiting.hidden) waiting.querySelector("p").textContent = [REASONS[kind], detail].filter(Boolean).join(": ");
  waiting.querySelector(".countdown").textContent = seconds ? `Again in ${seconds} s` : "Asking again…";
  waiting.hidden = !held;
}

export function startStatus() {
  patience.addEventListener("change", showWait);
  problem.querySelector("button").addEventListener("click", () => {
    settle();
    putAway = problem.querySelector("p").textContent;
  });
  waiting.querySelector("button").addEventListener("click", () => patience.end());
}
