// Points: a seed, a text that the server hashes to one, or `z:` and the float32 numbers of a latent in base64url.

export const SEED_COUNT = 2 ** 32;
const SHOWN = 14; // characters of a latent that a name shows

export const isSeed = (point) => /^\d+$/.test(point);
export const isLatent = (point) => point.startsWith("z:");

// What people read: “1234”, or “z:a1b2…” for a latent.
export function nameOf(point) {
  return isLatent(point) && point.length > SHOWN ? `${point.slice(0, SHOWN - 1)}…` : point;
}

// What a screen reader says: nobody wants to hear base64.
export function titleOf(point) {
  return isLatent(point) ? `Point ${shortCode(point)}` : `Seed ${point}`;
}

// A name of a file for it, without an ending.
export function fileNameOf(point) {
  return isLatent(point) ? `point-${shortCode(point)}` : `seed-${point.replace(/[^\w-]+/g, "-")}`;
}

export const randomSeed = () => crypto.getRandomValues(new Uint32Array(1))[0];

// The point that, asked for with a truncation, draws what this one draws without.
// The first `classes` numbers are left alone, as truncation does. Where it makes all one, none is told from another.
export function untruncated(point, truncation, classes) {
  if (!isLatent(point) || truncation === 1 || truncation === 0) return point;
  const bytes = Uint8Array.from(atob(point.slice(2).replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  for (let at = 4 * classes; at + 4 <= bytes.length; at += 4) {
    view.setFloat32(at, view.getFloat32(at, true) / truncation, true);
  }
  const text = btoa(String.fromCharCode(...bytes));
  return `z:${text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
}

// Four letters that differ between most latents.
function shortCode(point) {
  let hash = 0;
  for (const letter of point) hash = (hash * 31 + letter.charCodeAt(0)) >>> 0;
  return hash.toString(36).padStart(4, "0").slice(-4);
}
