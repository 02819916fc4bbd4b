// The same picture elsewhere: as an address, a command, or a program.

import { address, common } from "./api.js";

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`; // for a shell

// As Python writes it: numbers, texts, booleans and lists of them.
function literal(value) {
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value === "boolean") return value ? "True" : "False";
  return JSON.stringify(value);
}

export function asCurl(url, fileName) {
  return `curl --fail --output ${quoted(fileName)} ${quoted(url)}`;
}

// A program with figment_client: `call` is a method, its first argument and the others by name.
export function asPython(call, first, named, fileName) {
  const base = address("").replace(/\/$/, "");
  const given = Object.entries(named).filter(([, value]) => value !== "" && value !== undefined);
  const others = given.map(([name, value]) => `, ${name}=${literal(value)}`).join("");
  return [
    "from figment_client import Figment",
    "",
    `with Figment(${literal(base)}) as figment:`,
    `    figment.${call}(${literal(first)}${others}).save(${literal(fileName)})`,
    "",
  ].join("\n");
}

// Connect the three buttons of a dialog; `what()` says {url, fileName, call, first, named}.
export function connectCopying(element, state, actions, what) {
  const texts = {
    url: ({ url }) => url,
    curl: ({ url, fileName }) => asCurl(url, fileName),
    python: ({ call, first, named, fileName }) => asPython(call, first, { ...named, ...common(state) }, fileName),
  };
  const names = { url: "Address", curl: "curl command", python: "Python program" };
  element.addEventListener("click", ({ target }) => {
    const kind = target.closest("button")?.dataset.copy;
    if (kind) actions.copy(texts[kind](what()), names[kind]);
  });
}
