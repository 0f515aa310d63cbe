// The evidence for harm over time: odds on a logarithmic scale, the odds at which Rollbook acts, and what it did when.
// Drawn in the pixels that there are, so that the words stay readable on a small screen.

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 240;
const EDGE = { left: 62, right: 14, top: 24, bottom: 40 };
const TEXT = { fill: "var(--quiet)", "font-size": "12" };
/** About as wide as a letter of that size, and as high as a line. */
const LETTER = 7;
const LINE = 14;

function shape(name, attributes, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  if (text !== undefined) node.textContent = text;
  return node;
}

/** Odds as people say them: 1,000 to 1. */
function oddsLabel(power) {
  return `${power > 6 ? `10^${power}` : (10 ** power).toLocaleString("en-US")} : 1`;
}

/** A step of 1, 2 or 5 times a power of ten that gives at most `most` ticks. */
function niceStep(span, most) {
  const raw = span / most;
  const power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= raw);
}

function scales(width, seconds, lowest, highest) {
  const inner = { width: width - EDGE.left - EDGE.right, height: HEIGHT - EDGE.top - EDGE.bottom };
  return {
    x: (second) => EDGE.left + (inner.width * second) / seconds,
    y: (value) => EDGE.top + inner.height * (1 - (Math.max(lowest, value) - lowest) / (highest - lowest)),
  };
}

function grid(chart, { x, y }, width, seconds, lowest, highest) {
  const bottom = HEIGHT - EDGE.bottom;
  const every = Math.max(1, Math.ceil((highest - lowest) / 6));
  for (let power = Math.ceil(lowest); power <= highest; power += every) {
    const strong = power === 0;
    const line = { stroke: strong ? "var(--quiet)" : "var(--line)", "stroke-width": strong ? 1.2 : 1, fill: "none" };
    chart.append(shape("path", { d: `M${EDGE.left} ${y(power)}H${width - EDGE.right}`, ...line }));
    const label = power < 0 ? `1 : ${(10 ** -power).toLocaleString("en-US")}` : oddsLabel(power);
    chart.append(shape("text", { x: EDGE.left - 8, y: y(power) + 4, "text-anchor": "end", ...TEXT }, label));
  }
  const step = niceStep(seconds, Math.max(2, Math.floor((width - EDGE.left) / 70)));
  for (let second = 0; second <= seconds; second += step) {
    chart.append(shape("text", { x: x(second), y: bottom + 17, "text-anchor": "middle", ...TEXT }, `${second} s`));
  }
  chart.append(shape("text", { x: 2, y: 12, ...TEXT }, "evidence for harm"));
  const under = { x: width - EDGE.right, y: HEIGHT - 6, "text-anchor": "end", ...TEXT };
  chart.append(shape("text", under, "time since the first request to the candidate"));
}

/**
 * Draws into an SVG element. `points` are `{ at, value }` with ln odds, `marks` are `{ at, label }`, `zero` is the
 * instant of the first exposure and `threshold` the ln odds at which Rollbook acts.
 */
export function drawChart(chart, { points, marks, zero, threshold }) {
  const width = Math.max(280, chart.clientWidth);
  chart.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  chart.replaceChildren();
  if (points.length === 0 || zero === undefined) return;
  const data = points.map(({ at, value }) => ({ second: (at - zero) / 1000, power: value / Math.LN10 }));
  const limit = threshold / Math.LN10;
  const seconds = Math.max(5, data.at(-1).second * 1.05);
  const highest = Math.max(limit + 1, ...data.map(({ power }) => power + 0.5));
  const scale = scales(width, seconds, -2, highest);
  grid(chart, scale, width, seconds, -2, highest);

  const { x, y } = scale;
  const acts = { d: `M${EDGE.left} ${y(limit)}H${width - EDGE.right}`, stroke: "var(--harm)", fill: "none" };
  chart.append(shape("path", { ...acts, "stroke-dasharray": "6 5", "stroke-width": 1.5 }));
  const words = `Rollbook acts at ${Math.round(10 ** limit).toLocaleString("en-US")} : 1`;
  const place = { x: EDGE.left + 4, y: y(limit) - 6, ...TEXT, fill: "var(--harm)" };
  chart.append(shape("text", place, words));

  /** Where each line of labels ends: who would write over another one writes above it. */
  const ends = [];
  for (const { at, label } of marks) {
    const left = x((at - zero) / 1000);
    if (left > width - EDGE.right + 1) continue;
    const down = { d: `M${left} ${EDGE.top}V${HEIGHT - EDGE.bottom}`, stroke: "var(--line)", fill: "none" };
    chart.append(shape("path", { ...down, "stroke-dasharray": "2 3" }));
    const turned = left > width - 60;
    const side = turned ? { x: left - 4, "text-anchor": "end" } : { x: left + 4 };
    const wide = 8 + LETTER * label.length;
    const begins = turned ? left - wide : left;
    const free = ends.findIndex((end) => end <= begins);
    const row = free < 0 ? ends.length : free;
    ends[row] = begins + wide;
    chart.append(shape("text", { ...side, y: HEIGHT - EDGE.bottom - 6 - LINE * row, ...TEXT }, label));
  }
  const path = data.map(({ second, power }, i) => `${i ? "L" : "M"}${x(second).toFixed(1)} ${y(power).toFixed(1)}`);
  const line = { fill: "none", stroke: "var(--candidate)", "stroke-width": 2.5, "stroke-linejoin": "round" };
  chart.append(shape("path", { d: path.join(""), ...line }));
  const last = data.at(-1);
  chart.append(shape("circle", { cx: x(last.second), cy: y(last.power), r: 4, fill: "var(--candidate)" }));
}
