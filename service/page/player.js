// Plays a walk at the pace that was asked for; it waits for pictures that are not there yet.

export class Player {
  #button;
  #move;
  #ready;
  #ended;
  #walk = { last: 0, loop: false, segment: 1 };
  #pace = { fps: 16, smooth: true };
  #running = 0; // the number of the animation frame that was asked for; 0: it stands
  #position = 0;
  #direction = 1;
  #then = 0;

  // `move(step)` shows a step, `ready(step)` says whether to go on from it, `ended()` is told when it stands again.
  constructor(button, { move, ready, ended }) {
    [this.#button, this.#move, this.#ready, this.#ended] = [button, move, ready, ended];
    button.addEventListener("click", () => (this.#running ? this.stop() : this.#start()));
  }

  setWalk(walk) {
    this.#walk = walk;
    this.#position = Math.min(this.#position, walk.last);
  }

  setPace(pace) {
    this.#pace = pace;
  }

  stop() {
    if (!this.#running) return;
    cancelAnimationFrame(this.#running);
    this.#running = 0;
    this.#show("Play");
    this.#ended();
  }

  #start() {
    this.#then = performance.now();
    this.#running = requestAnimationFrame((now) => this.#tick(now));
    this.#show("Pause");
  }

  #show(words) {
    this.#button.setAttribute("aria-label", words);
    this.#button.classList.toggle("playing", words === "Pause");
  }

  #tick(now) {
    const by = ((now - this.#then) / 1000) * this.#pace.fps;
    this.#then = now;
    const { position, direction } = advance(this.#position, Math.min(by, 4), this.#direction, this.#walk);
    const step = Math.round(eased(position, this.#walk.segment, this.#pace.smooth));
    this.#move(step);
    if (this.#ready(step)) [this.#position, this.#direction] = [position, direction];
    this.#running = requestAnimationFrame((later) => this.#tick(later));
  }
}

// From a position by some steps: round and round where it loops, else to and fro.
export function advance(position, by, direction, { last, loop }) {
  const to = position + by * direction;
  if (loop) return { position: ((to % last) + last) % last, direction };
  if (to >= last) return { position: Math.max(0, 2 * last - to), direction: -1 };
  if (to <= 0) return { position: Math.min(last, -to), direction: 1 };
  return { position: to, direction };
}

// Slow at the stops and quick between them: 3u² − 2u³ of each segment, as `easing=smooth` of the server.
export function eased(position, segment, smooth) {
  if (!smooth) return position;
  const from = Math.floor(position / segment);
  const u = position / segment - from;
  return (from + u * u * (3 - 2 * u)) * segment;
}
