// Two stacked plots over tokens: cache bytes with what a dense cache would
// take, and tokens per second.

const ns = "http://www.w3.org/2000/svg";
const width = 300, height = 80;

function node(name, attributes, text) {
  const e = document.createElementNS(ns, name);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  if (text) e.textContent = text;
  return e;
}

function line(points, max, top, cls) {
  if (points.length < 2 || max <= 0) return null;
  const d = points.map((p, i) => `${(i * width) / (points.length - 1)},${top + height - 4 - (p / max) * (height - 16)}`);
  return node("polyline", { points: d.join(" "), class: cls });
}

/** Draws the samples {kv, dense, tps}; at most 600 are kept by the caller. */
export function draw(box, samples) {
  const svg = node("svg", { viewBox: `0 0 ${width} ${2 * height + 8}`, role: "img" });
  const last = samples.at(-1) ?? { kv: 0, dense: 0, tps: 0 };
  svg.append(node("title", {}, "Cache bytes and tokens per second"));
  svg.append(node("desc", {}, `cache ${mebi(last.kv)} of ${mebi(last.dense)} dense, ${last.tps.toFixed(1)} tokens per second`));
  const max = Math.max(...samples.map((s) => s.dense), 1);
  const fast = Math.max(...samples.map((s) => s.tps), 1);
  for (const p of [
    line(samples.map((s) => s.dense), max, 0, "dense"), line(samples.map((s) => s.kv), max, 0, "kv"),
    line(samples.map((s) => s.tps), fast, height + 8, "speed"),
  ]) if (p) svg.append(p);
  svg.append(node("text", { x: 2, y: 10 }, `cache ${mebi(last.kv)} (dense ${mebi(last.dense)})`));
  svg.append(node("text", { x: 2, y: height + 18 }, `${last.tps.toFixed(1)} tokens/s`));
  box.replaceChildren(svg);
}

export const mebi = (n) => (n / (1 << 20)).toFixed(1) + " MiB";
