// The HTTP interface: addresses, and answers or problems (RFC 9457).

import { access } from "./access.js";
import { patience } from "./patience.js";

export class Problem extends Error {
  constructor(status, detail, type = "") {
    super(detail);
    this.status = status;
    this.type = type;
  }
}

// Relative to the page, so that the service may lie below any path of a proxy.
export function address(path, parameters = {}) {
  const url = new URL(path.replace(/^\//, ""), document.baseURI);
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== "" && value !== undefined && value !== null) url.searchParams.set(name, String(value));
  }
  url.hash = "";
  return url.href.replaceAll("%2C", ",").replaceAll("%3A", ":");
}

// What every request for pictures says. The version makes the answer immutable, so that it is never asked for twice.
export function common(state) {
  const { model, version, truncation, label } = state;
  return { model, version: version || "", truncation, label };
}

export function imageAddress(state, point, ending = "png") {
  return address(`images/${encodeURIComponent(point)}.${ending}`, common(state));
}

// Ask until there is an answer: a server that is busy or cannot be reached is asked again when that makes sense, and one
// that asks for a key when there is one.
// Throws a Problem for every other error, and what `options.signal` throws.
export async function ask(url, options = {}) {
  for (;;) {
    await patience.wait(options.signal);
    const { key } = access;
    let answer;
    try {
      answer = await fetch(url, access.signed(options));
    } catch (error) {
      if (options.signal?.aborted) throw error;
      patience.unreachable();
      continue;
    }
    if (answer.ok) {
      patience.answered();
      return answer;
    }
    const problem = await problemOf(answer);
    if (answer.status === 401) await access.another(key, problem.message, options.signal);
    else if (answer.status === 503) patience.busy(Number(answer.headers.get("Retry-After")) || 1, problem.message);
    else throw problem;
  }
}

export async function askJson(url, options) {
  return (await ask(url, options)).json();
}

async function problemOf(answer) {
  try {
    const { detail, title, type } = await answer.json();
    return new Problem(answer.status, detail || title || answer.statusText, type);
  } catch {
    return new Problem(answer.status, `The server answered ${answer.status} ${answer.statusText}.`);
  }
}

// The events of a `text/event-stream`, as {event, data} with data read as JSON.
export async function* events(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    text = (text + (value ?? "")).replaceAll("\r\n", "\n");
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const event = readEvent(block);
      if (event) yield event;
    }
    if (done) return;
  }
}

export function readEvent(block) {
  let event = "message";
  const data = [];
  for (const line of block.split("\n")) {
    const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line);
    if (field === "event") event = value;
    if (field === "data") data.push(value);
  }
  return data.length ? { event, data: JSON.parse(data.join("\n")) } : null;
}
