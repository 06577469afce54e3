/** Lines over time, as SVG, in the width that there is. */

import { h, svg } from "./dom.js";
import { count, number, rate } from "./text.js";

const LEFT = 48;
const RIGHT = 8;
const TOP = 8;
const BOTTOM = 22;
const HEIGHT = 150;
/** Steps between labels of time, in s. */
const STEPS = [300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200];
const LABEL_WIDTH = 64;

/**
 * Draw one figure.
 * @param {string} title
 * @param {object} data `since`, `until`, `at`, `stopped`, and the values under the names of `lines`.
 * @param {Array} lines [name, text, css] of each line.
 * @param {string} unit "a second" or "events", for the summary.
 * @param {number} width in px.
 */
export function plot(title, data, lines, unit, width) {
  const most = ceiling(Math.max(0, ...lines.flatMap(([name]) => data[name]).filter((value) => value != null)));
  const x = (ms) => LEFT + ((width - LEFT - RIGHT) * (ms - data.since)) / (data.until - data.since);
  const y = (value) => HEIGHT - BOTTOM - ((HEIGHT - TOP - BOTTOM) * value) / most;
  const drawing = svg(
    "svg",
    {
      viewBox: `0 0 ${width} ${HEIGHT}`,
      width,
      height: HEIGHT,
      role: "img",
      "aria-label": summary(title, data, lines, unit),
    },
    stopped(data, x),
    grid(most, width, y),
    times(data, width, x),
    lines.map(([name, , css]) => svg("path", { class: `line ${css}`, d: path(data.at, data[name], x, y) })),
  );
  const legend = h(
    "ul",
    { class: "lr-legend" },
    lines.map(([, text, css]) => h("li", { class: css }, text)),
  );
  return h("figure", { class: "lr-card" }, h("figcaption", {}, title, legend), drawing);
}

function summary(title, data, lines, unit) {
  const said = lines.map(([name, text]) => {
    const values = data[name].filter((value) => value != null);
    if (!values.length) return `${text}: nothing known`;
    const show = unit === "a second" ? rate : number;
    return `${text}: ${show(values.at(-1))} now, ${show(Math.max(...values))} at most`;
  });
  const pauses = data.stopped.length ? `; sending was stopped ${count(data.stopped.length, "time")}` : "";
  return `${title}. ${said.join("; ")}${pauses}`;
}

/** Break the line where nothing is known, or where samples are missing. */
function path(at, values, x, y) {
  const gap = 5 * Math.max(10000, at.length > 1 ? (at.at(-1) - at[0]) / at.length : 0);
  let drawn = "";
  let before = null;
  at.forEach((ms, index) => {
    if (values[index] == null) {
      before = null;
      return;
    }
    drawn += `${before === null || ms - before > gap ? "M" : "L"}${x(ms).toFixed(1)} ${y(values[index]).toFixed(1)}`;
    before = ms;
  });
  return drawn;
}

function stopped(data, x) {
  return data.stopped.map(([from, to, state]) => {
    const left = Math.max(LEFT, x(from));
    const place = {
      x: left.toFixed(1),
      y: TOP,
      width: Math.max(1, x(to) - left).toFixed(1),
      height: HEIGHT - TOP - BOTTOM,
    };
    return svg("rect", { class: "stopped", ...place }, svg("title", {}, state));
  });
}

function grid(most, width, y) {
  return [0, 0.5, 1].map((part) => [
    svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(most * part), y2: y(most * part) }),
    svg("text", { class: "y", x: LEFT - 6, y: y(most * part) + 4 }, short(most * part)),
  ]);
}

function times(data, width, x) {
  const seconds = (data.until - data.since) / 1000;
  const room = ((width - LEFT - RIGHT) / LABEL_WIDTH) | 0;
  const step = (STEPS.find((size) => seconds / size <= room) ?? 86400) * 1000;
  const marks = [];
  for (let ms = Math.ceil(data.since / step) * step; ms < data.until; ms += step)
    marks.push(
      svg("text", { class: "x", x: x(ms).toFixed(1), y: HEIGHT - 6 }, new Date(ms).toISOString().slice(11, 16)),
    );
  return marks;
}

/** A round number from there on, whose half is round too. */
function ceiling(value) {
  for (let size = 0.01; ; size *= 10)
    for (const factor of [2, 4, 6, 10]) if (value <= factor * size) return factor * size;
}

function short(value) {
  if (value >= 1e6) return `${+(value / 1e6).toFixed(1)}M`;
  return value >= 1e3 ? `${+(value / 1e3).toFixed(1)}k` : `${+value.toFixed(2)}`;
}
